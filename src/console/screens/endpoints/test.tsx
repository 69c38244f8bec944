import { Button, Code, Group, Paper, Stack, Text, Title } from '@mantine/core';
import { IconSend } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { type Endpoint, useTestEndpoint, type Verdict } from '../../api/endpoints.ts';
import { CopyId } from '../../kit/copy-id.tsx';
import { Failure } from '../../kit/failure.tsx';
import { Tag } from '../../kit/status.tsx';
import { duration } from '../../kit/time.tsx';
import classes from './endpoint.module.css';

/** A ping, and how the receiver took it. */
export function Test({ endpoint }: { endpoint: Endpoint }) {
  const { t } = useTranslation('endpoints');
  const test = useTestEndpoint(endpoint);
  return (
    <Paper withBorder p="sm">
      <Stack gap="xs">
        <Group justify="space-between" gap="xs">
          <Title order={2} size="sm">
            {t('test.title')}
          </Title>
          <Button
            size="xs"
            leftSection={<IconSend size={14} aria-hidden />}
            loading={test.isPending}
            onClick={() => test.mutate()}
          >
            {t('test.send')}
          </Button>
        </Group>
        {test.isIdle && (
          <Text size="sm" c="dimmed">
            {t('test.hint')}
          </Text>
        )}
        {test.error !== null && <Failure error={test.error} />}
        <div role="status">{test.data !== undefined && <Outcome verdict={test.data} />}</div>
      </Stack>
    </Paper>
  );
}

function Outcome({ verdict }: { verdict: Verdict }) {
  const { t } = useTranslation('endpoints');
  const { t: overview } = useTranslation('overview');
  const { t: kit } = useTranslation('kit');
  const { outcome, statusCode, durationMs, remoteAddress, error, responseExcerpt } = verdict;
  return (
    <Stack gap="xs">
      <Group gap="xs">
        <Tag tone={outcome === 'success' ? 'good' : 'bad'}>{overview(`outcome.${outcome}`)}</Tag>
        {statusCode !== null && <Text size="sm">HTTP {statusCode}</Text>}
        {durationMs !== null && <Text size="sm">{duration(durationMs)}</Text>}
        {remoteAddress !== null && <CopyId text={remoteAddress} />}
      </Group>
      {error !== null && (
        <Text size="sm" c="var(--bad)">
          {error}
        </Text>
      )}
      <div>
        <Text size="xs" c="dimmed" mb={2}>
          {t('test.answer')}
        </Text>
        <Code block className={classes.excerpt} tabIndex={0}>
          {responseExcerpt || kit('none')}
        </Code>
      </div>
    </Stack>
  );
}
