import {
  Anchor,
  Code,
  Group,
  Paper,
  SimpleGrid,
  Skeleton,
  Stack,
  Text,
  Title,
} from '@mantine/core';
import { IconSearchOff } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { isCode } from '../../api/client.ts';
import { useBody } from '../../api/detail.ts';
import type { ResultView } from '../../api/recovery.ts';
import { useResult } from '../../api/results.ts';
import { CopyId } from '../../kit/copy-id.tsx';
import { Empty } from '../../kit/empty.tsx';
import { Facts } from '../../kit/facts.tsx';
import { Failure } from '../../kit/failure.tsx';
import { indentJson } from '../../kit/json.ts';
import { money } from '../../kit/money.ts';
import { Status, Tag } from '../../kit/status.tsx';
import { ExactTime } from '../../kit/time.tsx';
import classes from './one.module.css';

type State = ResultView['history'][number];

/** One order: where it stands, how it came there, and who was told. */
export function One({ merchantId, businessKey }: { merchantId: string; businessKey: string }) {
  const { t } = useTranslation('results');
  const { data, error, refetch } = useResult(merchantId, businessKey);
  if (isCode(error, 'not_found')) {
    return <Empty icon={IconSearchOff} title={t('none.title')} text={t('none.text')} />;
  }
  if (error !== null) return <Failure error={error} retry={refetch} />;
  if (data === undefined) return <Skeleton height={220} aria-busy />;
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" className={classes.columns ?? ''}>
      <Stack gap="md">
        <Latest result={data} />
        <Deliveries result={data} />
      </Stack>
      <History history={data.history} latest={data.latest} />
    </SimpleGrid>
  );
}

function Latest({ result: { latest, businessKey, merchantId } }: { result: ResultView }) {
  const { t } = useTranslation('results');
  const { data: body } = useBody(latest.notificationId);
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="latest">
      <Title order={2} size="sm" c="dimmed" id="latest">
        {t('latest')}
      </Title>
      <Group gap="md" align="baseline" my={6}>
        <Text component="span" className={classes.status}>
          {latest.result?.status ?? latest.type}
        </Text>
        {latest.result?.amount !== undefined && (
          <Text component="span" fz="lg" fw={600}>
            {money(latest.result.amount, latest.result.currency)}
          </Text>
        )}
      </Group>
      <Facts
        label={t('latest')}
        facts={[
          [t('columns.order'), <CopyId key="order" text={businessKey} />],
          [t('columns.version'), latest.result?.version],
          [t('columns.type'), latest.type],
          [t('columns.occurred'), <ExactTime key="occurred" at={latest.occurredAt} />],
          [t('merchant'), <CopyId key="merchant" text={merchantId} />],
          [
            t('notification'),
            <Anchor
              key="notification"
              component={Link}
              to={`/notifications/${latest.notificationId}`}
              size="sm"
            >
              {latest.notificationId}
            </Anchor>,
          ],
        ]}
      />
      {body !== undefined && (
        <details className={classes.body}>
          <summary>{t('body')}</summary>
          <Code block className={classes.payload} tabIndex={0}>
            {indentJson(body)}
          </Code>
        </details>
      )}
    </Paper>
  );
}

function History({ history, latest }: { history: State[]; latest: State }) {
  const { t } = useTranslation('results');
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="history">
      <Title order={2} size="sm" mb={8} id="history">
        {t('history', { count: history.length })}
      </Title>
      <ol className={classes.history}>
        {history.map((state, index) => (
          <li key={state.notificationId} className={classes.state}>
            <Group gap={8}>
              <strong>{state.result?.status ?? state.type}</strong>
              {state.result !== null && (
                <Text size="sm" component="span">
                  {money(state.result.amount, state.result.currency)} ·{' '}
                  {t('versionOf', { version: state.result.version })}
                </Text>
              )}
              {state.notificationId === latest.notificationId && (
                <Tag tone="good">{t('isLatest')}</Tag>
              )}
              {cameLate(state, history.slice(0, index)) && <Tag tone="wait">{t('late')}</Tag>}
            </Group>
            <Text size="xs" c="dimmed">
              {t('occurred')} <ExactTime at={state.occurredAt} /> · {t('accepted')}{' '}
              <ExactTime at={state.acceptedAt} /> ·{' '}
              <Anchor
                component={Link}
                to={`/notifications/${state.notificationId}`}
                size="xs"
                underline="always"
              >
                {t('open')}
              </Anchor>
            </Text>
          </li>
        ))}
      </ol>
    </Paper>
  );
}

/** @param above what stands above it: those of a higher version, or that happened later */
function cameLate(state: State, above: State[]): boolean {
  return above.some(({ acceptedAt }) => acceptedAt < state.acceptedAt);
}

function Deliveries({ result: { deliveries } }: { result: ResultView }) {
  const { t } = useTranslation('results');
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="deliveries">
      <Title order={2} size="sm" mb={8} id="deliveries">
        {t('deliveries', { count: deliveries.length })}
      </Title>
      <ul className={classes.history}>
        {deliveries.map(({ id, url, status, attemptCount, notificationId, nextAttemptAt }) => (
          <li key={id} className={classes.state}>
            <Group gap={8} wrap="nowrap" align="flex-start">
              <Status status={status} />
              <div className={classes.url}>
                {url === null ? t('nobody') : <CopyId text={url} />}
                <Text size="xs" c="dimmed">
                  {t('attempts', { count: attemptCount })}
                  {nextAttemptAt !== null && (
                    <>
                      {' · '}
                      {t('next')} <ExactTime at={nextAttemptAt} />
                    </>
                  )}
                  {' · '}
                  <Anchor
                    component={Link}
                    to={`/notifications/${notificationId}`}
                    size="xs"
                    underline="always"
                  >
                    {t('open')}
                  </Anchor>
                </Text>
              </div>
            </Group>
          </li>
        ))}
      </ul>
    </Paper>
  );
}
