import { Tooltip } from '@mantine/core';
import {
  IconBan,
  IconCheck,
  IconClock,
  IconCornerDownRight,
  IconHandStop,
  IconMailCheck,
  IconSend,
} from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { DeliveryStatus } from '../api/notifications.ts';
import classes from './status.module.css';

const LOOKS = {
  pending: { icon: IconClock, tone: 'wait' },
  sending: { icon: IconSend, tone: 'busy' },
  delivered: { icon: IconCheck, tone: 'good' },
  failed: { icon: IconBan, tone: 'bad' },
  acknowledged: { icon: IconMailCheck, tone: 'good' },
  cancelled: { icon: IconHandStop, tone: 'idle' },
  skipped: { icon: IconCornerDownRight, tone: 'idle' },
} as const;

export type Tone = (typeof LOOKS)[DeliveryStatus]['tone'];

/**
 * A state in word, sign and colour: none of them is needed to understand the others.
 *
 * @param props.count how many are in it
 */
export function Status({ status, count }: { status: DeliveryStatus; count?: number }) {
  const { t } = useTranslation('kit');
  const { icon: Icon, tone } = LOOKS[status];
  return (
    <Tooltip label={t(`statusHint.${status}`)}>
      <span className={classes.status} data-tone={tone}>
        <Icon size={13} stroke={2.2} aria-hidden />
        {count !== undefined && `${count} `}
        {t(`status.${status}`)}
      </span>
    </Tooltip>
  );
}

/** A word that deserves a colour, and is understood without it. */
export function Tag({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className={classes.status} data-tone={tone}>
      {children}
    </span>
  );
}
