import { Anchor, Group, Paper, Skeleton, Stack, Text, Title } from '@mantine/core';
import { IconArrowLeft } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import { type Endpoint as EndpointView, useEndpoint } from '../../api/endpoints.ts';
import { useSession } from '../../api/session.ts';
import { CopyId } from '../../kit/copy-id.tsx';
import { Failure } from '../../kit/failure.tsx';
import { Page } from '../../kit/page.tsx';
import { Time } from '../../kit/time.tsx';
import { Actions } from './actions.tsx';
import classes from './endpoint.module.css';
import { limitsOf } from './endpoints.tsx';
import { Health } from './health.tsx';
import { Recent } from './recent.tsx';
import { Test } from './test.tsx';

/** One address: how it fares, what it is told, and what can be done about it. */
export function Endpoint() {
  const { t } = useTranslation('endpoints');
  const { id = '' } = useParams();
  const { data, error, refetch } = useEndpoint(id);
  return (
    <Page
      title={t('one', { url: data?.url ?? id })}
      heading={<Heading endpoint={data} />}
      actions={data !== undefined && <Actions endpoint={data} />}
    >
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined && error === null && <Skeleton height={240} />}
      {data !== undefined && (
        <div className={classes.columns}>
          <Stack gap="md" miw={0}>
            <Notice endpoint={data} />
            <Test endpoint={data} />
            <Recent endpoint={data} />
          </Stack>
          <Facts endpoint={data} />
        </div>
      )}
    </Page>
  );
}

function Heading({ endpoint }: { endpoint: EndpointView | undefined }) {
  const { t } = useTranslation('endpoints');
  const { data: session } = useSession();
  const of = session?.role === 'operator' && endpoint ? `?merchant=${endpoint.merchantId}` : '';
  return (
    <Group gap={8} component="span">
      <Anchor
        component={Link}
        to={`/endpoints${of}`}
        c="dimmed"
        aria-label={t('back')}
        display="inline-flex"
      >
        <IconArrowLeft size={20} />
      </Anchor>
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

function Facts({ endpoint }: { endpoint: EndpointView }) {
  const { t } = useTranslation('endpoints');
  const { t: kit } = useTranslation('kit');
  const headers = Object.entries(endpoint.headers);
  return (
    <Paper withBorder p="sm">
      <Title order={2} size="sm" mb={6}>
        {t('facts')}
      </Title>
      <dl className={classes.facts}>
        <dt>{t('columns.id')}</dt>
        <dd>
          <CopyId text={endpoint.id} />
        </dd>
        <dt>{t('columns.merchant')}</dt>
        <dd>
          <CopyId text={endpoint.merchantId} />
        </dd>
        <dt>{t('columns.types')}</dt>
        <dd>{endpoint.types.join(', ')}</dd>
        <dt>{t('columns.queue')}</dt>
        <dd>
          <Anchor component={Link} size="sm" to={`/queues/${endpoint.queue ?? 'default'}`}>
            {endpoint.queue ?? 'default'}
          </Anchor>
        </dd>
        <dt>{t('form.description')}</dt>
        <dd>{endpoint.description ?? kit('none')}</dd>
        <dt>{t('form.body')}</dt>
        <dd>{t(`form.bodies.${endpoint.body}`)}</dd>
        <dt>{t('columns.limits')}</dt>
        <dd>{limitsOf(endpoint, t('limits.queue'))}</dd>
        <dt>{t('form.headers')}</dt>
        <dd>
          {headers.length === 0
            ? kit('none')
            : headers.map(([name, value]) => (
                <div key={name} className={classes.header}>
                  {name}: {value}
                </div>
              ))}
        </dd>
        <dt>{t('columns.created')}</dt>
        <dd>
          <Time at={endpoint.createdAt} />
        </dd>
        {endpoint.previousSecretExpiresAt !== null && (
          <>
            <dt>{t('previous')}</dt>
            <dd>
              <Time at={endpoint.previousSecretExpiresAt} />
            </dd>
          </>
        )}
      </dl>
    </Paper>
  );
}
