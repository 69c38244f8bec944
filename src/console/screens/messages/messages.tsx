import { Button, Group } from '@mantine/core';
import { IconMessageCheck, IconSearchOff } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { withQuery } from '../../api/client.ts';
import { MESSAGES, type Message } from '../../api/messages.ts';
import { usePages } from '../../api/pages.ts';
import { useSession } from '../../api/session.ts';
import { CopyId, shortId } from '../../kit/copy-id.tsx';
import { Empty } from '../../kit/empty.tsx';
import { type Column, List } from '../../kit/list.tsx';
import { Page } from '../../kit/page.tsx';
import { RowLink } from '../../kit/row-link.tsx';
import { Time } from '../../kit/time.tsx';
import { FilterBar, type Filters, useFilters, useQueryOf } from './filters.tsx';
import { BadOutcome, MessageState } from './state.tsx';

const REFRESH_MS = 3000;

/** Reliable messages, newest first: what was announced, what was decided, how far it has come. */
export function Messages() {
  const { t } = useTranslation('messages');
  const filters = useFilters();
  const pages = usePages<Message>(MESSAGES, useQueryOf(filters), { refreshMs: REFRESH_MS });
  return (
    <Page title={t('title')}>
      <FilterBar filters={filters} />
      <List
        label={t('title')}
        pages={pages}
        columns={useColumns()}
        keyOf={({ id, producerKeyId }) => `${producerKeyId} ${id}`}
        empty={<Nothing filters={filters} />}
      />
    </Page>
  );
}

function Nothing({ filters }: { filters: Filters }) {
  const { t } = useTranslation('messages');
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
    <Empty icon={IconMessageCheck} title={t('empty.title')} text={t('empty.text')}>
      <Button component="a" href="/docs" target="_blank">
        {t('empty.docs')}
      </Button>
    </Empty>
  );
}

function useColumns(): Column<Message>[] {
  const { t } = useTranslation('messages');
  const { data: session } = useSession();
  const operators: Column<Message>[] = [
    {
      name: 'producer',
      header: t('columns.producer'),
      isMinor: true,
      cell: ({ producerKeyId: id }) =>
        id === null ? '—' : <CopyId text={id} shown={shortId(id)} />,
    },
    {
      name: 'merchant',
      header: t('columns.merchant'),
      isMinor: true,
      cell: ({ merchantId }) => <CopyId text={merchantId} />,
    },
  ];
  return [
    {
      name: 'status',
      header: t('columns.status'),
      cell: ({ status, outcome }) => (
        <Group gap={6}>
          <MessageState status={status} />
          <BadOutcome outcome={outcome} />
        </Group>
      ),
    },
    {
      name: 'order',
      header: t('columns.order'),
      cell: ({ id, producerKeyId, businessKey }) => (
        <Group gap={6} wrap="nowrap">
          <RowLink
            to={withQuery(`/messages/${encodeURIComponent(id)}`, { producer: producerKeyId })}
          >
            {businessKey}
          </RowLink>
          <CopyId text={businessKey} shown="" />
        </Group>
      ),
    },
    { name: 'type', header: t('columns.type'), isMinor: true, cell: ({ type }) => type },
    ...(session?.role === 'operator' ? operators : []),
    {
      name: 'checks',
      header: t('columns.checks'),
      align: 'right',
      cell: ({ check }) => check?.count ?? '—',
    },
    { name: 'next', header: t('columns.next'), cell: next },
    {
      name: 'prepared',
      header: t('columns.prepared'),
      cell: ({ preparedAt }) => <Time at={preparedAt} />,
    },
  ];
}

/** The next check-back, or once it is confirmed the next attempt at one of its deliveries. */
function next({ check, deliveries }: Message): ReactNode {
  const times = [check?.nextAt, ...deliveries.map(({ nextAttemptAt }) => nextAttemptAt)];
  const [first] = times.flatMap((at) => at ?? []).toSorted();
  return first === undefined ? '—' : <Time at={first} />;
}
