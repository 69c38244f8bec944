import { Group, Skeleton, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'react-router';
import { allOf } from '../../api/pages.ts';
import type { FoundResult } from '../../api/recovery.ts';
import { useResults } from '../../api/results.ts';
import { CopyId } from '../../kit/copy-id.tsx';
import { Failure } from '../../kit/failure.tsx';
import { type Column, List } from '../../kit/list.tsx';
import { money } from '../../kit/money.ts';
import { RowLink } from '../../kit/row-link.tsx';
import { Tag } from '../../kit/status.tsx';
import { Time } from '../../kit/time.tsx';
import { addressOf } from './keys.ts';

/** The latest state of each of several keys, in the order they were asked for. */
export function Many(props: { merchantId: string; keys: string[] }) {
  const { t } = useTranslation('results');
  const { data, error, isPending, refetch } = useResults(props.merchantId, props.keys);
  const columns = useColumns();
  if (error !== null) return <Failure error={error} retry={refetch} />;
  if (isPending) return <Skeleton height={200} aria-busy />;
  const rows = data.data;
  const missing = rows.filter(({ found }) => !found);
  return (
    <>
      <Group gap="sm">
        <Tag tone="good">{t('found', { count: rows.length - missing.length })}</Tag>
        {missing.length > 0 && (
          <>
            <Tag tone="wait">{t('missing', { count: missing.length })}</Tag>
            <Text size="sm" component="span">
              <CopyId
                text={missing.map(({ businessKey }) => businessKey).join('\n')}
                shown={t('copyMissing')}
              />
            </Text>
          </>
        )}
      </Group>
      <List
        label={t('title')}
        pages={allOf(rows)}
        columns={columns}
        keyOf={({ businessKey }) => businessKey}
        empty={null}
      />
    </>
  );
}

function useColumns(): Column<FoundResult>[] {
  const { t } = useTranslation('results');
  const { search } = useLocation();
  return [
    {
      name: 'order',
      header: t('columns.order'),
      cell: ({ businessKey, found }) =>
        found ? (
          <RowLink to={addressOf(search, [businessKey])}>{businessKey}</RowLink>
        ) : (
          <CopyId text={businessKey} />
        ),
    },
    {
      name: 'status',
      header: t('columns.status'),
      cell: ({ latest }) =>
        latest === undefined ? (
          <Tag tone="wait">{t('unknown')}</Tag>
        ) : (
          <strong>{latest.result?.status ?? latest.type}</strong>
        ),
    },
    {
      name: 'amount',
      header: t('columns.amount'),
      align: 'right',
      cell: ({ latest }) => money(latest?.result?.amount, latest?.result?.currency),
    },
    {
      name: 'version',
      header: t('columns.version'),
      align: 'right',
      cell: ({ latest }) => latest?.result?.version ?? '—',
    },
    {
      name: 'occurred',
      header: t('columns.occurred'),
      cell: ({ latest }) => (latest === undefined ? '—' : <Time at={latest.occurredAt} />),
    },
  ];
}
