import { Anchor, Paper } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Notification } from '../../api/notifications.ts';
import { CopyId } from '../../kit/copy-id.tsx';
import { Facts } from '../../kit/facts.tsx';
import { money } from '../../kit/money.ts';
import { ExactTime } from '../../kit/time.tsx';

export function About({ notification }: { notification: Notification }) {
  const { t } = useTranslation('detail');
  const { eventId, queue } = notification;
  return (
    <Paper withBorder p="sm">
      <Facts
        label={t('facts.label')}
        facts={[
          [t('facts.id'), <CopyId key="id" text={notification.id} />],
          [t('facts.result'), notification.result && <Result key="result" of={notification} />],
          [t('facts.type'), notification.type],
          [t('facts.merchant'), <CopyId key="merchant" text={notification.merchantId} />],
          [
            t('facts.queue'),
            <Anchor key="queue" component={Link} to={`/queues/${queue}`} inherit>
              {queue}
            </Anchor>,
          ],
          [t('facts.event'), eventId && <CopyId key="event" text={eventId} />],
          [t('facts.occurred'), <ExactTime key="occurred" at={notification.occurredAt} />],
          [t('facts.accepted'), <ExactTime key="accepted" at={notification.acceptedAt} />],
        ]}
      />
    </Paper>
  );
}

/** What it says of the order; everything that was ever said of it is one link away. */
function Result({ of: { result, merchantId, businessKey } }: { of: Notification }) {
  const { t } = useTranslation('detail');
  if (result === null) return null;
  const { status, amount, currency, version } = result;
  const order = new URLSearchParams({ merchant: merchantId, key: businessKey });
  return (
    <>
      <strong>
        {status} {amount !== undefined && money(amount, currency)}
      </strong>{' '}
      ·{' '}
      <Anchor component={Link} to={`/results?${order}`} inherit underline="always">
        {t('facts.version', { version })}
      </Anchor>
    </>
  );
}
