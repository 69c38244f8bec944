import { Button } from '@mantine/core';
import { IconClock } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ScheduleView } from '../../../protocols/notification/contract.ts';
import { useSchedule } from '../../api/detail.ts';
import { useNow } from '../../kit/now.ts';
import { duration, ExactTime } from '../../kit/time.tsx';
import classes from './timeline.module.css';

const SECOND = 1000;

/** The next attempt, counting down, and the rungs behind it. */
export function Remaining({ deliveryId, version }: { deliveryId: string; version: string }) {
  const { t } = useTranslation('detail');
  const { data } = useSchedule(deliveryId, version);
  const rungText = useRungText(data?.ladderLength);
  const [isWhole, showWhole] = useState(false);
  if (data === undefined) return null;
  const [next, ...rest] = data.attempts;
  const last = rest.at(-1);
  if (next === undefined) return null;
  return (
    <>
      <li className={classes.step} data-tone="wait">
        <span className={classes.dot}>
          <IconClock size={13} aria-hidden />
        </span>
        <div className={classes.head}>
          <strong>
            {t('timeline.next')} <CountDown to={next.at} />
          </strong>
          <span className={classes.soft}>{rungText(next)}</span>
          <span className={classes.when}>
            <ExactTime at={next.at} />
          </span>
        </div>
      </li>
      {isWhole &&
        rest.map((attempt) => (
          <li key={attempt.at} className={classes.step} data-tone="later">
            <span className={classes.dot} />
            <div className={classes.head}>
              <span>{rungText(attempt)}</span>
              <span className={classes.soft}>
                {t('timeline.after', { delay: duration(attempt.delaySeconds * SECOND) })}
              </span>
              <span className={classes.when}>
                <ExactTime at={attempt.at} />
              </span>
            </div>
          </li>
        ))}
      {last !== undefined && (
        <li className={classes.rest}>
          {!isWhole && (
            <span className={classes.soft}>
              <RestSummary count={rest.length} last={last.at} />
            </span>
          )}
          <Button
            variant="subtle"
            size="compact-xs"
            aria-expanded={isWhole}
            onClick={() => showWhole(!isWhole)}
          >
            {isWhole ? t('timeline.hideRest') : t('timeline.showRest')}
          </Button>
        </li>
      )}
    </>
  );
}

type Planned = ScheduleView['attempts'][number];

/** Says on which rung an attempt stands, or that it was asked for in between. */
export function useRungText(ladderLength: number | undefined): (attempt: Planned) => string {
  const { t } = useTranslation('detail');
  return ({ rung }) =>
    rung === null ? t('timeline.extra') : t('timeline.rung', { rung, all: ladderLength ?? rung });
}

/** How many are still to come behind the next one, and until when. */
export function RestSummary({ count, last }: { count: number; last: string }) {
  const { t, i18n } = useTranslation('detail');
  const format = new Intl.DateTimeFormat(i18n.language, {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  return t('timeline.rest', { count, last: format.format(new Date(last)) });
}

export function CountDown({ to }: { to: string }) {
  const { t } = useTranslation('detail');
  const leftMs = Date.parse(to) - useNow(SECOND);
  if (leftMs < SECOND) return t('timeline.now');
  const wholeSeconds = Math.ceil(leftMs / SECOND) * SECOND;
  return t('timeline.in', { time: duration(wholeSeconds) });
}
