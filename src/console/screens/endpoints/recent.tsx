import { Anchor, Group, Paper, Title } from '@mantine/core';
import { IconInbox } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Endpoint } from '../../api/endpoints.ts';
import type { DeliveryView } from '../../api/notifications.ts';
import { usePages } from '../../api/pages.ts';
import { Empty } from '../../kit/empty.tsx';
import { type Column, List } from '../../kit/list.tsx';
import { RowLink } from '../../kit/row-link.tsx';
import { Status } from '../../kit/status.tsx';
import { Time } from '../../kit/time.tsx';

const SHOWN = 8;
const REFRESH_MS = 5000;

/** The newest deliveries to it; the rest is a search away. */
export function Recent({ endpoint: { id } }: { endpoint: Endpoint }) {
  const { t } = useTranslation('endpoints');
  const pages = usePages<DeliveryView>(
    '/v1/deliveries',
    { endpointId: id },
    { limit: SHOWN, refreshMs: REFRESH_MS },
  );
  const columns: Column<DeliveryView>[] = [
    {
      name: 'status',
      header: t('recent.status'),
      cell: ({ status }) => <Status status={status} />,
    },
    {
      name: 'order',
      header: t('recent.order'),
      cell: ({ notificationId, businessKey }) => (
        <RowLink to={`/notifications/${notificationId}`}>{businessKey}</RowLink>
      ),
    },
    { name: 'type', header: t('recent.type'), cell: ({ type }) => type },
    {
      name: 'attempts',
      header: t('recent.attempts'),
      align: 'right',
      cell: ({ attemptCount }) => attemptCount,
    },
    {
      name: 'next',
      header: t('recent.next'),
      cell: ({ nextAttemptAt }) => (nextAttemptAt === null ? '—' : <Time at={nextAttemptAt} />),
    },
  ];
  return (
    <Paper withBorder p="sm">
      <Group justify="space-between" mb="xs">
        <Title order={2} size="sm">
          {t('recent.title')}
        </Title>
        {pages.rows.length > 0 && (
          <Anchor component={Link} to={`/notifications?q=${id}`} size="sm">
            {t('recent.all')}
          </Anchor>
        )}
      </Group>
      <List
        label={t('recent.title')}
        pages={{ ...pages, hasMore: false }}
        columns={columns}
        keyOf={(row) => row.id}
        empty={<Empty icon={IconInbox} title={t('recent.empty')} text={t('recent.emptyText')} />}
      />
    </Paper>
  );
}
