import { Button, Group, Text } from '@mantine/core';
import { IconArrowUp, IconBell, IconRefresh, IconSearchOff } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';
import { DELIVERY_STATUSES, type Notification } from '../../api/notifications.ts';
import { useSession } from '../../api/session.ts';
import { CopyId } from '../../kit/copy-id.tsx';
import { Empty } from '../../kit/empty.tsx';
import { type Column, List } from '../../kit/list.tsx';
import { money } from '../../kit/money.ts';
import { Page } from '../../kit/page.tsx';
import { RowLink } from '../../kit/row-link.tsx';
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

/** What came while one reads: how many, and how they fare meanwhile. */
function Newer({ list: { newer, showNewer, pages } }: { list: LiveList }) {
  const { t } = useTranslation('notifications');
  const isMany = newer.length >= MOST_COUNTED;
  return (
    <Group gap={6} role="status">
      {newer.length === 0 && pages.rows.length > 0 && (
        <Text size="sm" c="dimmed">
          {t('nothingNew')}
        </Text>
      )}
      {newer.length > 0 && (
        <>
          <Tally of={newer} />
          <Button
            size="compact-sm"
            variant="light"
            leftSection={<IconArrowUp size={14} aria-hidden />}
            onClick={() => {
              showNewer();
              window.scrollTo({ top: 0 });
            }}
          >
            {isMany
              ? t('newerMany', { count: MOST_COUNTED - 1 })
              : t('newer', { count: newer.length })}
          </Button>
        </>
      )}
    </Group>
  );
}

function Tally({ of }: { of: Notification[] }) {
  return DELIVERY_STATUSES.map((status) => {
    const count = of.filter((each) => each.status === status).length;
    return count > 0 && <Status key={status} status={status} count={count} />;
  });
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
          <RowLink to={`/notifications/${row.id}`}>{row.businessKey}</RowLink>
          <CopyId text={row.businessKey} shown="" />
        </Group>
      ),
    },
    { name: 'type', header: t('columns.type'), cell: (row) => row.type },
    {
      name: 'amount',
      header: t('columns.amount'),
      align: 'right',
      cell: ({ result }) => money(result?.amount, result?.currency),
    },
    ...(session?.role === 'operator'
      ? [
          {
            name: 'merchant',
            header: t('columns.merchant'),
            isMinor: true,
            cell: (row: Notification) => <CopyId text={row.merchantId} />,
          },
        ]
      : []),
    { name: 'queue', header: t('columns.queue'), isMinor: true, cell: (row) => row.queue },
    {
      name: 'attempts',
      header: t('columns.attempts'),
      align: 'right',
      cell: (row) => row.deliveries.reduce((sum, { attemptCount }) => sum + attemptCount, 0),
    },
    { name: 'next', header: t('columns.next'), cell: next },
    {
      name: 'accepted',
      header: t('columns.accepted'),
      cell: (row) => <Time at={row.acceptedAt} />,
    },
  ];
  return columns;
}

/** When something will happen next, by the earliest of its deliveries. */
function next({ deliveries }: Notification): ReactNode {
  const [first] = deliveries.flatMap(({ nextAttemptAt }) => nextAttemptAt ?? []).toSorted();
  return first === undefined ? '—' : <Time at={first} />;
}
