import { Group, Title } from '@mantine/core';
import { IconScale } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { usePages } from '../../api/pages.ts';
import { RECONCILIATIONS, type ReconciliationView } from '../../api/recovery.ts';
import { CopyId } from '../../kit/copy-id.tsx';
import { Empty } from '../../kit/empty.tsx';
import { type Column, List } from '../../kit/list.tsx';
import { useMerchant } from '../../kit/merchant-choice.tsx';
import { count } from '../../kit/number.ts';
import { Page } from '../../kit/page.tsx';
import { RowLink } from '../../kit/row-link.tsx';
import { Tag } from '../../kit/status.tsx';
import { Time } from '../../kit/time.tsx';
import { HandIn } from './hand-in.tsx';

const REFRESH_MS = 4000;

/** A merchant's own list of a day against ours: hand one in, or look at what earlier ones showed. */
export function Reconciliations() {
  const { t } = useTranslation('reconciliations');
  const { merchantId } = useMerchant();
  const pages = usePages<ReconciliationView>(
    RECONCILIATIONS,
    { merchantId },
    { refreshMs: REFRESH_MS },
  );
  return (
    <Page title={t('title')}>
      <HandIn />
      <Title order={2} size="md">
        {t('earlier')}
      </Title>
      <List
        label={t('earlier')}
        pages={pages}
        columns={useColumns()}
        keyOf={({ id }) => id}
        empty={<Empty icon={IconScale} title={t('empty.title')} text={t('empty.text')} />}
      />
    </Page>
  );
}

function useColumns(): Column<ReconciliationView>[] {
  const { t, i18n } = useTranslation('reconciliations');
  const { mustChoose } = useMerchant();
  const number = (value: number) => count(value, i18n.language);
  const columns: Column<ReconciliationView>[] = [
    {
      name: 'day',
      header: t('columns.day'),
      cell: ({ id, date, timezone }) => (
        <Group gap={6}>
          <RowLink to={`/reconciliations/${id}`}>{date}</RowLink>
          {timezone !== 'UTC' && <span>{timezone}</span>}
        </Group>
      ),
    },
    ...(mustChoose
      ? [
          {
            name: 'merchant',
            header: t('columns.merchant'),
            cell: (row: ReconciliationView) => <CopyId text={row.merchantId} />,
          },
        ]
      : []),
    { name: 'state', header: t('columns.state'), cell: (row) => <Verdict of={row} /> },
    {
      name: 'records',
      header: t('columns.records'),
      align: 'right',
      cell: ({ recordCount }) => number(recordCount),
    },
    {
      name: 'matched',
      header: t('columns.matched'),
      align: 'right',
      cell: ({ matched }) => number(matched),
    },
    {
      name: 'made',
      header: t('columns.made'),
      cell: ({ createdAt }) => <Time at={createdAt} />,
    },
  ];
  return columns;
}

/** In a word how it stands: it runs, it agrees, or by how much it does not. */
export function Verdict({ of: row }: { of: ReconciliationView }) {
  const { t } = useTranslation('reconciliations');
  const found = Object.values(row.differences).reduce((sum, each) => sum + each, 0);
  if (row.status === 'running') {
    return <Tag tone="busy">{t('state.running', { percent: Math.floor(100 * row.progress) })}</Tag>;
  }
  if (row.status === 'failed') return <Tag tone="bad">{t('state.failed')}</Tag>;
  if (found === 0) return <Tag tone="good">{t('state.agrees')}</Tag>;
  return <Tag tone="wait">{t('state.differs', { count: found })}</Tag>;
}
