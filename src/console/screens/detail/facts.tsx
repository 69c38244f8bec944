import { Paper } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Notification } from '../../api/notifications.ts';
import { CopyId } from '../../kit/copy-id.tsx';
import { ExactTime } from '../../kit/time.tsx';
import classes from './detail.module.css';

export function Facts({ notification }: { notification: Notification }) {
  const { t } = useTranslation('detail');
  const { result, eventId } = notification;
  return (
    <Paper withBorder p="sm">
      <dl className={classes.facts} aria-label={t('facts.label')}>
        <Fact name={t('facts.id')}>
          <CopyId text={notification.id} />
        </Fact>
        {result !== null && (
          <Fact name={t('facts.result')}>
            <strong>
              {result.status} {result.amount} {result.currency}
            </strong>{' '}
            · {t('facts.version', { version: result.version })}
          </Fact>
        )}
        <Fact name={t('facts.type')}>{notification.type}</Fact>
        <Fact name={t('facts.merchant')}>
          <CopyId text={notification.merchantId} />
        </Fact>
        <Fact name={t('facts.queue')}>{notification.queue}</Fact>
        {eventId !== null && (
          <Fact name={t('facts.event')}>
            <CopyId text={eventId} />
          </Fact>
        )}
        <Fact name={t('facts.occurred')}>
          <ExactTime at={notification.occurredAt} />
        </Fact>
        <Fact name={t('facts.accepted')}>
          <ExactTime at={notification.acceptedAt} />
        </Fact>
      </dl>
    </Paper>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
