import { IconBell } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { Notification } from '../../api/notifications.ts';
import { usePages } from '../../api/pages.ts';
import { CopyId, shortId } from '../../kit/copy-id.tsx';
import { Empty } from '../../kit/empty.tsx';
import { type Column, List } from '../../kit/list.tsx';
import { Page } from '../../kit/page.tsx';
import { Status } from '../../kit/status.tsx';
import { Time } from '../../kit/time.tsx';

export function Notifications() {
  const { t } = useTranslation('notifications');
  const pages = usePages<Notification>('/v1/notifications');
  const columns: Column<Notification>[] = [
    { name: 'status', header: t('columns.status'), cell: (row) => <Status status={row.status} /> },
    {
      name: 'order',
      header: t('columns.order'),
      cell: (row) => <CopyId text={row.businessKey} />,
    },
    { name: 'type', header: t('columns.type'), cell: (row) => row.type },
    { name: 'merchant', header: t('columns.merchant'), cell: (row) => row.merchantId },
    {
      name: 'accepted',
      header: t('columns.accepted'),
      cell: (row) => <Time at={row.acceptedAt} />,
    },
    {
      name: 'id',
      header: t('columns.id'),
      cell: (row) => <CopyId text={row.id} shown={shortId(row.id)} />,
    },
  ];
  return (
    <Page title={t('title')}>
      <List
        label={t('title')}
        pages={pages}
        columns={columns}
        keyOf={(row) => row.id}
        empty={<Empty icon={IconBell} title={t('empty.title')} text={t('empty.text')} />}
      />
    </Page>
  );
}
