import { Anchor, Button, Group, Paper, Text, Title } from '@mantine/core';
import { IconPlayerTrackNext, IconRefresh } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useResend } from '../../api/detail.ts';
import type { Message, MessageDelivery } from '../../api/messages.ts';
import { AskReason } from '../../kit/ask-reason.tsx';
import { CopyId, shortId } from '../../kit/copy-id.tsx';
import { Tag } from '../../kit/status.tsx';
import { ExactTime } from '../../kit/time.tsx';
import { useToast } from '../../kit/toast.ts';
import { CountDown } from '../detail/remaining.tsx';
import { BadOutcome, MessageState } from '../messages/state.tsx';
import classes from './message.module.css';

/** Where it goes once it is confirmed: a state, and a word of completion, for each consumer. */
export function Deliveries({ message }: { message: Message }) {
  const { t } = useTranslation('message');
  const { deliveries, notificationId } = message;
  return (
    <Paper withBorder p="md" component="section" aria-label={t('deliveries.title')}>
      <Group justify="space-between" gap="xs" mb="sm">
        <Title order={2} size="sm">
          {t('deliveries.title')}
        </Title>
        {notificationId !== null && (
          <Anchor component={Link} to={`/notifications/${notificationId}`} size="sm">
            {t('deliveries.attempts')}
          </Anchor>
        )}
      </Group>
      {deliveries.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t(notificationId === null ? 'deliveries.notYet' : 'deliveries.nobody')}
        </Text>
      ) : (
        <ul className={classes.deliveries}>
          {deliveries.map((delivery) => (
            <Delivery key={delivery.id} delivery={delivery} />
          ))}
        </ul>
      )}
    </Paper>
  );
}

function Delivery({ delivery }: { delivery: MessageDelivery }) {
  const { t } = useTranslation('message');
  const { t: detail } = useTranslation('detail');
  const { url, endpointId, status, nextAttemptAt, completedAt, consumer, reason } = delivery;
  return (
    <li className={classes.delivery}>
      <Group justify="space-between" align="flex-start" gap="xs">
        <Group gap={8} miw={0}>
          <MessageState status={status} />
          <BadOutcome outcome={delivery.outcome} />
          <span className={classes.url}>
            {url === null ? detail('delivery.nowhere') : <CopyId text={url} />}
          </span>
        </Group>
        <Resend delivery={delivery} />
      </Group>
      <Text size="sm" c="dimmed" component="div" className={classes.more}>
        {detail('delivery.attempts', { count: delivery.attemptCount })} ·{' '}
        <CopyId text={delivery.id} shown={shortId(delivery.id)} />
        {endpointId !== null && (
          <>
            {' · '}
            <Anchor component={Link} to={`/endpoints/${endpointId}`} inherit underline="always">
              {detail('delivery.endpoint')}
            </Anchor>
          </>
        )}
        {nextAttemptAt !== null && (
          <>
            {' · '}
            {t(status === 'sent' ? 'deliveries.again' : 'deliveries.next')}{' '}
            <CountDown to={nextAttemptAt} />
          </>
        )}
        {completedAt !== null && (
          <>
            {' · '}
            {t('deliveries.completed')} <ExactTime at={completedAt} />
            {consumer !== null && ` · ${t('deliveries.by', { consumer })}`}
          </>
        )}
      </Text>
      {reason !== null && (
        <Tag tone={status === 'completed' ? 'idle' : 'bad'}>
          {/* Of a dead one it is a code; completing it, consumers say what they like. */}
          {detail(`reason.${reason as 'gone'}`, { defaultValue: reason })}
        </Tag>
      )}
    </li>
  );
}

/** What has ended badly goes down the ladder again; what waits is tried at once. */
function Resend({ delivery: { id, status, nextAttemptAt } }: { delivery: MessageDelivery }) {
  const { t: detail } = useTranslation('detail');
  const resend = useResend(id);
  const toast = useToast();
  const [isAsking, ask] = useState(false);
  const kind = status === 'dead' ? 'resend' : 'tryNow';
  const Icon = kind === 'resend' ? IconRefresh : IconPlayerTrackNext;
  return (
    <>
      {(status === 'dead' || nextAttemptAt !== null) && (
        <Button
          size="compact-sm"
          variant={kind === 'resend' ? 'filled' : 'default'}
          leftSection={<Icon size={14} aria-hidden />}
          onClick={() => ask(true)}
        >
          {detail(`actions.${kind}`)}
        </Button>
      )}
      <AskReason
        title={detail(`ask.${kind}Title`)}
        text={detail(`ask.${kind}Text`)}
        submit={detail(`actions.${kind}`)}
        isOpen={isAsking}
        close={() => ask(false)}
        act={async (reason) => {
          await resend.mutateAsync({ reason, force: false });
          toast(detail('ask.done'));
        }}
      />
    </>
  );
}
