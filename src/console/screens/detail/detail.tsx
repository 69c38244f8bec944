import {
  Button,
  Code,
  CopyButton,
  Group,
  Paper,
  Skeleton,
  Stack,
  Text,
  Title,
} from '@mantine/core';
import { IconHandStop } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { useBody, useCancel, useNotification } from '../../api/detail.ts';
import { isSettled, type Notification } from '../../api/notifications.ts';
import { useSession } from '../../api/session.ts';
import { AskReason } from '../../kit/ask-reason.tsx';
import { CopyId } from '../../kit/copy-id.tsx';
import { Failure } from '../../kit/failure.tsx';
import { indentJson } from '../../kit/json.ts';
import { Page } from '../../kit/page.tsx';
import { Status } from '../../kit/status.tsx';
import { useToast } from '../../kit/toast.ts';
import { Delivery } from './delivery.tsx';
import classes from './detail.module.css';
import { About } from './facts.tsx';

/** One notification: where it stands, what was tried, what comes next, and what to do about it. */
export function Detail() {
  const { t } = useTranslation('detail');
  const { id = '' } = useParams();
  const { data, error, refetch } = useNotification(id);
  const title = t('title', { order: data?.businessKey ?? id });
  return (
    <Page
      title={title}
      heading={data === undefined ? title : <Heading notification={data} />}
      back={{ to: '/notifications', label: t('back') }}
      actions={data !== undefined && <Cancel notification={data} />}
    >
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined && error === null && <Skeleton height={240} />}
      {data !== undefined && (
        <div className={classes.columns}>
          <Stack gap="md" miw={0}>
            {data.deliveries.map((delivery) => (
              <Delivery key={delivery.id} notification={data} delivery={delivery} />
            ))}
          </Stack>
          <Stack gap="md" miw={0}>
            <About notification={data} />
            <Payload id={data.id} />
          </Stack>
        </div>
      )}
    </Page>
  );
}

function Heading({ notification }: { notification: Notification }) {
  return (
    <Group gap="xs" component="span">
      <CopyId text={notification.businessKey} />
      <Status status={notification.status} />
    </Group>
  );
}

function Cancel({ notification }: { notification: Notification }) {
  const { t } = useTranslation('detail');
  const toast = useToast();
  const { data: session } = useSession();
  const cancel = useCancel(notification.id);
  const [isAsking, ask] = useState(false);
  const isUnderWay = notification.deliveries.some(({ status }) => !isSettled(status));
  if (session?.role !== 'operator' || !isUnderWay) return null;
  return (
    <>
      <Button
        variant="default"
        size="xs"
        leftSection={<IconHandStop size={15} aria-hidden />}
        onClick={() => ask(true)}
      >
        {t('actions.cancel')}
      </Button>
      <AskReason
        title={t('ask.cancelTitle')}
        text={t('ask.cancelText')}
        submit={t('actions.cancel')}
        tone="bad"
        isOpen={isAsking}
        close={() => ask(false)}
        act={async (reason) => {
          await cancel.mutateAsync(reason);
          toast(t('ask.cancelled'));
        }}
      />
    </>
  );
}

function Payload({ id }: { id: string }) {
  const { t } = useTranslation('detail');
  const { data, error, refetch } = useBody(id);
  return (
    <Paper withBorder p="sm">
      <Group justify="space-between" mb={4}>
        <Title order={2} size="sm">
          {t('payload.title')}
        </Title>
        <CopyButton value={data ?? ''}>
          {({ copy }) => (
            <Button size="compact-xs" variant="subtle" onClick={copy}>
              {t('payload.copy')}
            </Button>
          )}
        </CopyButton>
      </Group>
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined ? (
        error === null && <Skeleton height={120} />
      ) : (
        // Reachable by keyboard, because it scrolls.
        <Code
          block
          tabIndex={0}
          className={classes.payload}
          aria-label={t('payload.title')}
          role="region"
        >
          {indentJson(data)}
        </Code>
      )}
      <Text size="xs" c="dimmed" mt={6}>
        {t('payload.note')}
      </Text>
    </Paper>
  );
}
