import { Anchor, Button, Group, Paper, Text, Title } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { IconPlayerTrackNext, IconRefresh, IconTerminal } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useBody, useResend } from '../../api/detail.ts';
import type { DeliverySummary, Notification } from '../../api/notifications.ts';
import { AskReason } from '../../kit/ask-reason.tsx';
import { CopyId, shortId } from '../../kit/copy-id.tsx';
import { useToast } from '../../kit/toast.ts';
import { curlOf } from './curl.ts';
import { Standing } from './standing.tsx';
import { Timeline } from './timeline.tsx';

/** A notification on its way to one address. */
export function Delivery(props: { notification: Notification; delivery: DeliverySummary }) {
  const { t } = useTranslation('detail');
  const { notification, delivery } = props;
  const { url, endpointId } = delivery;
  return (
    <Paper
      withBorder
      p="md"
      component="section"
      aria-label={url === null ? t('delivery.nowhere') : t('delivery.title', { url })}
    >
      <Group justify="space-between" align="flex-start" gap="sm" mb={4}>
        <Title order={2} size="sm" miw={0}>
          {url === null ? t('delivery.nowhere') : <CopyId text={url} />}
        </Title>
        <Actions notification={notification} delivery={delivery} />
      </Group>
      <Text size="sm" c="dimmed" mb="sm" component="div">
        {t('delivery.attempts', { count: delivery.attemptCount })} ·{' '}
        <CopyId text={delivery.id} shown={shortId(delivery.id)} />
        {endpointId !== null && (
          <>
            {' · '}
            <Anchor component={Link} to={`/endpoints/${endpointId}`} inherit underline="always">
              {t('delivery.endpoint')}
            </Anchor>
          </>
        )}
      </Text>
      <Standing delivery={delivery} />
      {url === null && (
        <Text size="sm">{t('delivery.nowhereText', { type: notification.type })}</Text>
      )}
      <Timeline delivery={delivery} />
    </Paper>
  );
}

function Actions(props: { notification: Notification; delivery: DeliverySummary }) {
  const { t } = useTranslation('detail');
  const { notification, delivery } = props;
  const { status } = delivery;
  const resend = useResend(delivery.id);
  const clipboard = useClipboard();
  const toast = useToast();
  const { data: body } = useBody(notification.id);
  const [isAsking, ask] = useState(false);
  const kind = status === 'pending' ? 'tryNow' : status === 'delivered' ? 'force' : 'resend';
  const verb = kind === 'tryNow' ? t('actions.tryNow') : t('actions.resend');
  return (
    <Group gap="xs">
      {delivery.url !== null && body !== undefined && (
        <Button
          variant="default"
          size="xs"
          leftSection={<IconTerminal size={15} aria-hidden />}
          onClick={() => {
            clipboard.copy(curlOf(delivery, notification.id, body));
            toast(t('actions.curlCopied'));
          }}
        >
          {t('actions.curl')}
        </Button>
      )}
      {status !== 'sending' && (
        <Button
          size="xs"
          variant={kind === 'force' ? 'default' : 'filled'}
          leftSection={
            kind === 'tryNow' ? (
              <IconPlayerTrackNext size={15} aria-hidden />
            ) : (
              <IconRefresh size={15} aria-hidden />
            )
          }
          onClick={() => ask(true)}
        >
          {verb}
        </Button>
      )}
      <AskReason
        title={t(`ask.${kind}Title`)}
        text={t(`ask.${kind}Text`)}
        submit={verb}
        isOpen={isAsking}
        close={() => ask(false)}
        act={async (reason) => {
          await resend.mutateAsync({ reason, force: kind === 'force' });
          toast(t('ask.done'));
        }}
      />
    </Group>
  );
}
