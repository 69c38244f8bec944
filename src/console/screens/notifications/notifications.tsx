import { Anchor, Button, Group, Text } from '@mantine/core';
import { IconArrowUp, IconBell, IconRefresh, IconSearchOff } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';
import type { Notification } from '../../api/notifications.ts';
import { useSession } from '../../api/session.ts';
import { CopyId } from '../../kit/copy-id.tsx';
import { Empty } from '../../kit/empty.tsx';
import { type Column, List } from '../../kit/list.tsx';
import { Page } from '../../kit/page.tsx';
import { Status } from '../../kit/status.tsx';
import { Time } from '../../kit/time.tsx';
import { FilterBar } from './filter-bar.tsx';
import { type Filters, useFilters, useQueryOf } from './filters.ts';
import { type LiveList, MOST_COUNTED, useLiveList } from './live.ts';

/** Everything that was accepted, newest first, found by one box. */
export function Notifications() {
  const { t } = useTranslation('notifications');
  const filters = useFilters();
  const list = useLiveList(useQueryOf(filters));
  const columns = useColumns();
  return (
    <Page
      title={t('title')}
      actions={
        <Group gap="sm">
          <Newer list={list} />
          {!filters.isEmpty && <ResendThese />}
        </Group>
      }
    >
      <FilterBar filters={filters} />
      <List
        label={t('title')}
        pages={list.pages}
        columns={columns}
        keyOf={(row) => row.id}
        empty={<Nothing filters={filters} />}
      />
    </Page>
  );
}

/** The same question, asked of the bulk re-send: it counts before it does anything. */
function ResendThese() {
  const { t } = useTranslation('notifications');
  const { search } = useLocation();
  return (
    <Button
      component={Link}
      to={`/resends/new${search}`}
      size="compact-sm"
      variant="default"
      leftSection={<IconRefresh size={14} aria-hidden />}
    >
      {t('resend')}
    </Button>
  );
}

function Newer({ list: { newer, showNewer, pages } }: { list: LiveList }) {
  const { t } = useTranslation('notifications');
  return (
    <Text component="div" size="sm" c="dimmed" role="status">
      {newer === 0 ? (
        pages.rows.length > 0 && t('nothingNew')
      ) : (
        <Button
          size="compact-sm"
          variant="light"
          leftSection={<IconArrowUp size={14} aria-hidden />}
          onClick={() => {
            showNewer();
            window.scrollTo({ top: 0 });
          }}
        >
          {newer >= MOST_COUNTED
            ? t('newerMany', { count: MOST_COUNTED - 1 })
            : t('newer', { count: newer })}
        </Button>
      )}
    </Text>
  );
}

function Nothing({ filters }: { filters: Filters }) {
  const { t } = useTranslation('notifications');
  if (filters.isEmpty) {
    return (
      <Empty icon={IconBell} title={t('empty.title')} text={t('empty.text')}>
        <Button component="a" href="/docs" target="_blank">
          {t('empty.docs')}
        </Button>
      </Empty>
    );
  }
  return (
    <Empty icon={IconSearchOff} title={t('notFound.title')} text={t('notFound.text')}>
      <Button variant="default" onClick={filters.clear}>
        {t('notFound.clear')}
      </Button>
    </Empty>
  );
}

function useColumns(): Column<Notification>[] {
  const { t } = useTranslation('notifications');
  const { data: session } = useSession();
  const columns: Column<Notification>[] = [
    { name: 'status', header: t('columns.status'), cell: (row) => <Status status={row.status} /> },
    {
      name: 'order',
      header: t('columns.order'),
      cell: (row) => (
        <Group gap={6} wrap="nowrap">
          <Anchor component={Link} to={`/notifications/${row.id}`} fw={550} size="sm" truncate>
            {row.businessKey}
          </Anchor>
          <CopyId text={row.businessKey} shown="" />
        </Group>
      ),
    },
    { name: 'type', header: t('columns.type'), cell: (row) => row.type },
    {
      name: 'amount',
      header: t('columns.amount'),
      align: 'right',
      cell: ({ result }) =>
        result?.amount === undefined ? '—' : `${result.amount} ${result.currency ?? ''}`,
    },
    ...(session?.role === 'operator'
      ? [
          {
            name: 'merchant',
            header: t('columns.merchant'),
            cell: (row: Notification) => <CopyId text={row.merchantId} />,
          },
        ]
      : []),
    { name: 'queue', header: t('columns.queue'), cell: (row) => row.queue },
    {
      name: 'attempts',
      header: t('columns.attempts'),
      align: 'right',
      cell: (row) => row.deliveries.reduce((sum, { attemptCount }) => sum + attemptCount, 0),
    },
    { name: 'next', header: t('columns.next'), cell: (row) => <Next row={row} /> },
    {
      name: 'accepted',
      header: t('columns.accepted'),
      cell: (row) => <Time at={row.acceptedAt} />,
    },
  ];
  return columns;
}

/** When something will happen next, by the earliest of its deliveries. */
function Next({ row }: { row: Notification }) {
  const times = row.deliveries.flatMap(({ nextAttemptAt }) => nextAttemptAt ?? []);
  const [first] = times.toSorted();
  return first === undefined ? '—' : <Time at={first} />;
}
