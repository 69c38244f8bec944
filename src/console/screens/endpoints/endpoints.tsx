import { Anchor, Autocomplete, Button, Text } from '@mantine/core';
import { useDebouncedCallback, useDisclosure } from '@mantine/hooks';
import { IconPlus, IconUsers, IconWebhook } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import { type Endpoint, endpointsOf } from '../../api/endpoints.ts';
import { useMerchantIds } from '../../api/merchants.ts';
import { usePages } from '../../api/pages.ts';
import { useSession } from '../../api/session.ts';
import { Empty } from '../../kit/empty.tsx';
import { type Column, List } from '../../kit/list.tsx';
import { Page } from '../../kit/page.tsx';
import { Time } from '../../kit/time.tsx';
import { CreateEndpoint } from './create.tsx';
import { Health } from './health.tsx';

const PAUSE_MS = 400;
const REFRESH_MS = 10_000;

/** Where a merchant is told: its own, or for operators those of the merchant they choose. */
export function Endpoints() {
  const { t } = useTranslation('endpoints');
  const { data: session } = useSession();
  const [params, setParams] = useSearchParams();
  const [isOpen, dialog] = useDisclosure(false);
  const merchantId = session?.merchantId ?? params.get('merchant') ?? '';
  const isOperator = session?.role === 'operator';
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
      {isOperator && (
        <MerchantChoice
          value={merchantId}
          choose={(merchant) => setParams(merchant === '' ? {} : { merchant }, { replace: true })}
        />
      )}
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

function MerchantChoice({ value, choose }: { value: string; choose(id: string): void }) {
  const { t } = useTranslation('endpoints');
  const ids = useMerchantIds(true);
  const [text, setText] = useState(value);
  const settle = useDebouncedCallback((id: string) => choose(id.trim()), PAUSE_MS);
  return (
    <Autocomplete
      label={t('choose.label')}
      placeholder={t('choose.hint')}
      data={ids}
      value={text}
      onChange={(id) => {
        setText(id);
        settle(id);
      }}
      onOptionSubmit={choose}
      maw={360}
      maxLength={64}
      spellCheck={false}
    />
  );
}

function Found({ merchantId, create }: { merchantId: string; create(): void }) {
  const { t } = useTranslation('endpoints');
  const pages = usePages<Endpoint>(endpointsOf(merchantId), {}, { refreshMs: REFRESH_MS });
  const columns: Column<Endpoint>[] = [
    {
      name: 'url',
      header: t('columns.url'),
      cell: ({ id, url, description }) => (
        <div>
          <Anchor
            component={Link}
            to={`/endpoints/${id}`}
            size="sm"
            style={{ overflowWrap: 'anywhere' }}
          >
            {url}
          </Anchor>
          {description !== null && (
            <Text size="xs" c="dimmed">
              {description}
            </Text>
          )}
        </div>
      ),
    },
    { name: 'health', header: t('columns.health'), cell: (row) => <Health endpoint={row} /> },
    { name: 'types', header: t('columns.types'), cell: ({ types }) => types.join(', ') },
    { name: 'queue', header: t('columns.queue'), cell: ({ queue }) => queue ?? 'default' },
    {
      name: 'limits',
      header: t('columns.limits'),
      cell: (row) => limitsOf(row, t('limits.queue')),
    },
    { name: 'created', header: t('columns.created'), cell: (row) => <Time at={row.createdAt} /> },
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
