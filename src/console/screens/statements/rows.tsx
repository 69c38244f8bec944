import { useTranslation } from 'react-i18next';
import { DELIVERY_STATUSES } from '../../api/notifications.ts';
import { allOf } from '../../api/pages.ts';
import type { StatementView } from '../../api/recovery.ts';
import { List } from '../../kit/list.tsx';
import { money } from '../../kit/money.ts';
import { count } from '../../kit/number.ts';
import { RowLink } from '../../kit/row-link.tsx';
import { Status, Tag } from '../../kit/status.tsx';

type Row = StatementView['rows'][number];
type Total = StatementView['totals'][number];

export function Totals({ totals }: { totals: Total[] }) {
  const { t, i18n } = useTranslation('statements');
  return (
    <List
      label={t('totals')}
      pages={allOf(totals)}
      keyOf={({ status, currency }) => JSON.stringify([status, currency])}
      empty={null}
      columns={[
        {
          name: 'status',
          header: t('columns.status'),
          cell: ({ status }) => <strong>{status ?? t('noResult')}</strong>,
        },
        {
          name: 'currency',
          header: t('columns.currency'),
          cell: ({ currency }) => currency ?? '—',
        },
        {
          name: 'count',
          header: t('columns.count'),
          align: 'right',
          cell: ({ count: of }) => count(of, i18n.language),
        },
        {
          name: 'amount',
          header: t('columns.sum'),
          align: 'right',
          cell: ({ amount }) => money(amount, null),
        },
      ]}
    />
  );
}

/** @param props.timezone of the day: its rows are told by its clock */
export function Rows({ rows, timezone }: { rows: Row[]; timezone: string }) {
  const { t, i18n } = useTranslation('statements');
  const clock = new Intl.DateTimeFormat(i18n.language, {
    timeStyle: 'medium',
    hourCycle: 'h23',
    timeZone: timezone,
  });
  return (
    <List
      label={t('rows')}
      pages={allOf(rows)}
      keyOf={({ id }) => id}
      empty={null}
      columns={[
        {
          name: 'accepted',
          header: t('columns.accepted'),
          cell: ({ acceptedAt }) => clock.format(new Date(acceptedAt)),
        },
        {
          name: 'order',
          header: t('columns.order'),
          cell: ({ id, businessKey }) => (
            <RowLink to={`/notifications/${id}`}>{businessKey}</RowLink>
          ),
        },
        { name: 'type', header: t('columns.type'), cell: ({ type }) => type },
        {
          name: 'status',
          header: t('columns.status'),
          cell: ({ status, version }) =>
            status === null ? '—' : `${status} · ${t('version', { version })}`,
        },
        {
          name: 'amount',
          header: t('columns.amount'),
          align: 'right',
          cell: ({ amount, currency }) => money(amount, currency),
        },
        {
          name: 'delivery',
          header: t('columns.delivery'),
          cell: ({ deliveryStatus }) => <Delivered status={deliveryStatus} />,
        },
      ]}
    />
  );
}

function Delivered({ status }: { status: string }) {
  const known = DELIVERY_STATUSES.find((each) => each === status);
  return known === undefined ? <Tag tone="idle">{status}</Tag> : <Status status={known} />;
}
