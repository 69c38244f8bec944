import { Anchor, Group, Paper, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { FailingEndpoint } from '../../api/overview.ts';
import { Tag } from '../../kit/status.tsx';
import { Time } from '../../kit/time.tsx';
import classes from './failing.module.css';

export function Failing({ endpoints }: { endpoints: FailingEndpoint[] }) {
  const { t } = useTranslation('overview');
  return (
    <Paper withBorder p="sm">
      <Title order={2} size="sm" mb={4}>
        {t('failing')}
      </Title>
      {endpoints.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t('failingNone')}
        </Text>
      ) : (
        <ul className={classes.list}>
          {endpoints.map((endpoint) => (
            <Endpoint key={endpoint.id} endpoint={endpoint} />
          ))}
        </ul>
      )}
    </Paper>
  );
}

function Endpoint({ endpoint }: { endpoint: FailingEndpoint }) {
  const { t } = useTranslation('overview');
  return (
    <li className={classes.endpoint}>
      <Group gap="xs" wrap="wrap">
        <Anchor
          component={Link}
          to={`/endpoints/${endpoint.id}`}
          size="sm"
          ff="monospace"
          className={classes.what}
        >
          {endpoint.url}
        </Anchor>
        {endpoint.status !== 'active' && <Tag tone="idle">{t(endpoint.status)}</Tag>}
        {endpoint.circuit.state === 'open' && <Tag tone="bad">{t('circuitOpen')}</Tag>}
      </Group>
      <Text size="sm" c="dimmed" className={classes.what}>
        {endpoint.merchantId} · {t('failures', { count: endpoint.failures })} · {t('last')}{' '}
        <Time at={endpoint.lastFailedAt} />: {what(endpoint)}
      </Text>
      <Anchor component={Link} to={`/notifications?q=${endpoint.id}`} size="sm">
        {t('show')}
      </Anchor>
    </li>
  );

  function what({ lastOutcome, lastStatusCode, lastError }: FailingEndpoint): string {
    const outcome = t(`outcome.${lastOutcome}`);
    if (lastStatusCode !== null) return `${outcome} ${lastStatusCode}`;
    return lastError === null ? outcome : `${outcome}, ${lastError}`;
  }
}
