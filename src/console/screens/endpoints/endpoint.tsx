import { Anchor, Group, Paper, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import { type Endpoint as EndpointView, useEndpoint } from '../../api/endpoints.ts';
import { CopyId } from '../../kit/copy-id.tsx';
import { Facts } from '../../kit/facts.tsx';
import { Failure } from '../../kit/failure.tsx';
import { useMerchant } from '../../kit/merchant-choice.tsx';
import { Page } from '../../kit/page.tsx';
import { Time } from '../../kit/time.tsx';
import { Actions } from './actions.tsx';
import classes from './endpoint.module.css';
import { limitsOf } from './endpoints.tsx';
import { Health } from './health.tsx';
import { LastDay } from './last-day.tsx';
import { Recent } from './recent.tsx';
import { Test } from './test.tsx';

/** One address: how it fares, what it is told, and what can be done about it. */
export function Endpoint() {
  const { t } = useTranslation('endpoints');
  const { id = '' } = useParams();
  const { data, error, refetch } = useEndpoint(id);
  const { mustChoose } = useMerchant();
  const list = mustChoose && data ? `/endpoints?merchant=${data.merchantId}` : '/endpoints';
  return (
    <Page
      title={t('one', { url: data?.url ?? id })}
      heading={<Heading endpoint={data} />}
      back={{ to: list, label: t('back') }}
      actions={data !== undefined && <Actions endpoint={data} />}
    >
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined && error === null && <Skeleton height={240} />}
      {data !== undefined && (
        <div className={classes.columns}>
          <Stack gap="md" miw={0}>
            <Notice endpoint={data} />
            <LastDay endpoint={data} />
            <Test endpoint={data} />
            <Recent endpoint={data} />
          </Stack>
          <About endpoint={data} />
        </div>
      )}
    </Page>
  );
}

function Heading({ endpoint }: { endpoint: EndpointView | undefined }) {
  return (
    <Group gap={8} component="span">
      <span className={classes.url}>{endpoint?.url ?? '…'}</span>
      {endpoint !== undefined && <Health endpoint={endpoint} />}
    </Group>
  );
}

/** What keeps it from being called, and how that ends. */
function Notice({ endpoint: { status, disabledReason, circuit } }: { endpoint: EndpointView }) {
  const { t } = useTranslation('endpoints');
  const texts = [
    ...(status === 'disabled'
      ? [disabledReason === 'gone' ? t('notice.gone') : t('notice.disabled')]
      : []),
    ...(status === 'paused' ? [t('notice.paused')] : []),
    ...(circuit.state === 'open' ? [t('notice.open')] : []),
  ];
  if (texts.length === 0) return null;
  return (
    <div className={classes.notice} role="status">
      {texts.map((text) => (
        <Text key={text} size="sm">
          {text}
        </Text>
      ))}
      {circuit.openUntil !== null && (
        <Text size="sm">
          {t('notice.next')} <Time at={circuit.openUntil} />
        </Text>
      )}
    </div>
  );
}

function About({ endpoint }: { endpoint: EndpointView }) {
  const { t } = useTranslation('endpoints');
  const headers = Object.entries(endpoint.headers);
  const queue = endpoint.queue ?? 'default';
  const secretEndsAt = endpoint.previousSecretExpiresAt;
  return (
    <Paper withBorder p="sm">
      <Title order={2} size="sm" mb={6}>
        {t('facts')}
      </Title>
      <Facts
        label={t('facts')}
        facts={[
          [t('columns.id'), <CopyId key="id" text={endpoint.id} />],
          [t('columns.merchant'), <CopyId key="merchant" text={endpoint.merchantId} />],
          [t('form.description'), endpoint.description],
          [t('columns.types'), [...endpoint.types, ...endpoint.events].join(', ')],
          [
            t('columns.queue'),
            <Anchor key="queue" component={Link} inherit to={`/queues/${queue}`}>
              {queue}
            </Anchor>,
          ],
          [t('form.body'), t(`form.bodies.${endpoint.body}`)],
          [t('columns.limits'), limitsOf(endpoint, t('limits.queue'))],
          [
            t('form.headers'),
            headers.length === 0
              ? null
              : headers.map(([name, value]) => (
                  <div key={name} className={classes.header}>
                    {name}: {value}
                  </div>
                )),
          ],
          [
            t('duplicates'),
            endpoint.duplicates.length === 0
              ? null
              : endpoint.duplicates.map((id) => <CopyId key={id} text={id} />),
          ],
          [t('columns.created'), <Time key="created" at={endpoint.createdAt} />],
          [t('previous'), secretEndsAt && <Time key="previous" at={secretEndsAt} />],
        ]}
      />
    </Paper>
  );
}
