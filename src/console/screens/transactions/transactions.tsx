import { Button, Group, Text } from '@mantine/core';
import { IconSearchOff, IconTransactionDollar } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { withQuery } from '../../api/client.ts';
import { usePages } from '../../api/pages.ts';
import { TRANSACTIONS, type Transaction } from '../../api/transactions.ts';
import { CopyId, shortId } from '../../kit/copy-id.tsx';
import { Empty } from '../../kit/empty.tsx';
import { type Column, List } from '../../kit/list.tsx';
import { Page } from '../../kit/page.tsx';
import { RowLink } from '../../kit/row-link.tsx';
import { Time } from '../../kit/time.tsx';
import { FilterBar, type Filters, useFilters, useQueryOf } from './filters.tsx';
import { TransactionState } from './state.tsx';

const REFRESH_MS = 3000;

/** TCC transactions, newest first: what was decided, and how many of their branches have done it. */
export function Transactions() {
  const { t } = useTranslation('transactions');
  const filters = useFilters();
  const options = { refreshMs: REFRESH_MS };
  const pages = usePages<Transaction>(TRANSACTIONS, useQueryOf(filters), options);
  return (
    <Page title={t('title')}>
      <FilterBar filters={filters} />
      <List
        label={t('title')}
        pages={pages}
        columns={useColumns()}
        keyOf={({ gid, producer }) => `${producer} ${gid}`}
        empty={<Nothing filters={filters} />}
      />
    </Page>
  );
}

function Nothing({ filters }: { filters: Filters }) {
  const { t } = useTranslation('transactions');
  if (!filters.isEmpty) {
    return (
      <Empty icon={IconSearchOff} title={t('notFound.title')} text={t('notFound.text')}>
        <Button variant="default" onClick={filters.clear}>
          {t('notFound.clear')}
        </Button>
      </Empty>
    );
  }
  return (
    <Empty icon={IconTransactionDollar} title={t('empty.title')} text={t('empty.text')}>
      <Button component="a" href="/docs" target="_blank">
        {t('empty.docs')}
      </Button>
    </Empty>
  );
}

function useColumns(): Column<Transaction>[] {
  const { t } = useTranslation('transactions');
  return [
    {
      name: 'status',
      header: t('columns.status'),
      cell: ({ status }) => <TransactionState status={status} />,
    },
    {
      name: 'gid',
      header: t('columns.gid'),
      cell: ({ gid, producer }) => (
        <Group gap={6} wrap="nowrap">
          <RowLink to={withQuery(`/transactions/${encodeURIComponent(gid)}`, { producer })}>
            {gid}
          </RowLink>
          <CopyId text={gid} shown="" />
        </Group>
      ),
    },
    { name: 'key', header: t('columns.key'), cell: ({ businessKey }) => businessKey },
    {
      name: 'decision',
      header: t('columns.decision'),
      cell: ({ decision, cause }) =>
        decision === null ? (
          '—'
        ) : (
          <Text size="sm">
            {t(`decision.${decision}`)}
            {cause !== null && ` · ${t(`cause.${cause}`)}`}
          </Text>
        ),
    },
    {
      name: 'branches',
      header: t('columns.branches'),
      align: 'right',
      cell: ({ branches }) =>
        t('of', {
          done: branches.filter(({ finishedAt }) => finishedAt !== null).length,
          all: branches.length,
        }),
    },
    {
      name: 'mode',
      header: t('columns.mode'),
      isMinor: true,
      cell: ({ mode }) => t(`mode.${mode}`),
    },
    {
      name: 'producer',
      header: t('columns.producer'),
      isMinor: true,
      cell: ({ producer }) => <CopyId text={producer} shown={shortId(producer)} />,
    },
    { name: 'next', header: t('columns.next'), cell: next },
    {
      name: 'begun',
      header: t('columns.begun'),
      cell: ({ createdAt }) => <Time at={createdAt} />,
    },
  ];
}

/** The next call of a branch; without one, while it is undecided, the end of its time. */
function next({ branches, status, timeoutAt }: Transaction): ReactNode {
  const times = branches.flatMap(({ calls }) => calls.flatMap((call) => call.nextAttemptAt ?? []));
  const [first = status === 'trying' ? timeoutAt : undefined] = times.toSorted();
  return first === undefined ? '—' : <Time at={first} />;
}
