import { Button, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus, IconUsers, IconWebhook } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { type Endpoint, endpointsOf, useLastDay } from '../../api/endpoints.ts';
import { usePages } from '../../api/pages.ts';
import { Empty } from '../../kit/empty.tsx';
import { type Column, List } from '../../kit/list.tsx';
import { MerchantChoice, useMerchant } from '../../kit/merchant-choice.tsx';
import { Page } from '../../kit/page.tsx';
import { RowLink } from '../../kit/row-link.tsx';
import { Time } from '../../kit/time.tsx';
import { CreateEndpoint } from './create.tsx';
import classes from './endpoint.module.css';
import { Health } from './health.tsx';
import { Attempts, FailedShare } from './last-day.tsx';

const REFRESH_MS = 10_000;
const NOTHING_KNOWN = new Map<string, never>();

/** Where a merchant is told: its own, or for operators those of the merchant they choose. */
export function Endpoints() {
  const { t } = useTranslation('endpoints');
  const { merchantId } = useMerchant();
  const [isOpen, dialog] = useDisclosure(false);
  return (
    <Page
      title={t('title')}
      actions={
        merchantId !== '' && (
          <Button size="xs" leftSection={<IconPlus size={14} aria-hidden />} onClick={dialog.open}>
            {t('create.open')}
          </Button>
        )
      }
    >
      <MerchantChoice />
      {merchantId === '' ? (
        <Empty icon={IconUsers} title={t('choose.title')} text={t('choose.text')}>
          <Button component={Link} to="/merchants" variant="default">
            {t('choose.merchants')}
          </Button>
        </Empty>
      ) : (
        <Found merchantId={merchantId} create={dialog.open} />
      )}
      {merchantId !== '' && (
        <CreateEndpoint merchantId={merchantId} isOpen={isOpen} close={dialog.close} />
      )}
    </Page>
  );
}

function Found({ merchantId, create }: { merchantId: string; create(): void }) {
  const { t } = useTranslation('endpoints');
  const pages = usePages<Endpoint>(endpointsOf(merchantId), {}, { refreshMs: REFRESH_MS });
  const { data: lastDay = NOTHING_KNOWN } = useLastDay(merchantId);
  const columns: Column<Endpoint>[] = [
    {
      name: 'url',
      header: t('columns.url'),
      cell: ({ id, url, description }) => (
        <div className={classes.address}>
          <RowLink to={`/endpoints/${id}`}>{url}</RowLink>
          {description !== null && (
            <Text size="xs" c="dimmed" truncate>
              {description}
            </Text>
          )}
        </div>
      ),
    },
    { name: 'health', header: t('columns.health'), cell: (row) => <Health endpoint={row} /> },
    {
      name: 'attempts',
      header: t('columns.attempts'),
      align: 'right',
      cell: ({ id }) => <Attempts of={lastDay.get(id)} />,
    },
    {
      name: 'failed',
      header: t('columns.failed'),
      align: 'right',
      cell: ({ id }) => <FailedShare of={lastDay.get(id)} />,
    },
    {
      name: 'types',
      header: t('columns.types'),
      cell: ({ types, events }) => [...types, ...events].join(', '),
    },
    {
      name: 'queue',
      header: t('columns.queue'),
      isMinor: true,
      cell: ({ queue }) => queue ?? 'default',
    },
    {
      name: 'limits',
      header: t('columns.limits'),
      isMinor: true,
      cell: (row) => limitsOf(row, t('limits.queue')),
    },
    {
      name: 'created',
      header: t('columns.created'),
      isMinor: true,
      cell: (row) => <Time at={row.createdAt} />,
    },
  ];
  return (
    <List
      label={t('title')}
      pages={pages}
      columns={columns}
      keyOf={({ id }) => id}
      empty={
        <Empty icon={IconWebhook} title={t('empty.title')} text={t('empty.text')}>
          <Button onClick={create}>{t('create.open')}</Button>
        </Empty>
      }
    />
  );
}

/** @param none what to say where the queue's limits hold */
export function limitsOf({ maxInFlight, ratePerSecond }: Endpoint, none: string): string {
  const parts = [
    ...(maxInFlight === null ? [] : [`≤ ${maxInFlight}`]),
    ...(ratePerSecond === null ? [] : [`${ratePerSecond}/s`]),
  ];
  return parts.length === 0 ? none : parts.join(' · ');
}
