import { Group } from '@mantine/core';
import { IconChecks, IconFilterOff } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { Pages } from '../../api/pages.ts';
import type { DifferenceKind, DifferenceView } from '../../api/recovery.ts';
import { CopyId } from '../../kit/copy-id.tsx';
import { Empty } from '../../kit/empty.tsx';
import { List } from '../../kit/list.tsx';
import { money } from '../../kit/money.ts';
import { RowLink } from '../../kit/row-link.tsx';
import { Tag } from '../../kit/status.tsx';
import classes from './reconciliation.module.css';
import { Settle } from './settle.tsx';

/** Ours and theirs side by side, with what differs marked, and what was or can be done about it. */
export function Differences(props: {
  reconciliationId: string;
  merchantId: string;
  pages: Pages<DifferenceView>;
  isFiltered: boolean;
}) {
  const { t } = useTranslation('reconciliation');
  return (
    <List
      label={t('differences')}
      pages={props.pages}
      keyOf={({ number }) => String(number)}
      columns={[
        {
          name: 'order',
          header: t('columns.order'),
          cell: ({ businessKey, gateway }) => (
            <Group gap={6} wrap="nowrap">
              {gateway === undefined ? (
                <CopyId text={businessKey} />
              ) : (
                <>
                  <RowLink
                    to={`/results?${new URLSearchParams({ merchant: props.merchantId, key: businessKey })}`}
                  >
                    {businessKey}
                  </RowLink>
                  <CopyId text={businessKey} shown="" />
                </>
              )}
            </Group>
          ),
        },
        {
          name: 'kind',
          header: t('columns.kind'),
          cell: ({ kind }) => (
            <Tag tone={kind === 'pending_cutoff' ? 'wait' : 'bad'}>{t(`kind.${kind}`)}</Tag>
          ),
        },
        {
          name: 'gateway',
          header: t('columns.gateway'),
          cell: ({ kind, gateway }) => <Side kind={kind} of={gateway} />,
        },
        {
          name: 'merchant',
          header: t('columns.merchant'),
          cell: ({ kind, merchant }) => <Side kind={kind} of={merchant} />,
        },
        {
          name: 'settled',
          header: t('columns.settled'),
          cell: (row) => <Settle reconciliationId={props.reconciliationId} difference={row} />,
        },
      ]}
      empty={
        props.isFiltered ? (
          <Empty icon={IconFilterOff} title={t('noneSuch.title')} text={t('noneSuch.text')} />
        ) : (
          <Empty icon={IconChecks} title={t('agrees.title')} text={t('agrees.text')} />
        )
      }
    />
  );
}

const DIFFERING: Partial<Record<DifferenceKind, 'status' | 'amount' | 'currency'>> = {
  status_mismatch: 'status',
  amount_mismatch: 'amount',
  currency_mismatch: 'currency',
};

/** One book's word on a business key. */
function Side(props: {
  kind: DifferenceKind;
  of: { status: string; amount: string | null; currency: string | null } | undefined;
}) {
  const { t } = useTranslation('reconciliation');
  if (props.of === undefined) return <span className={classes.absent}>{t('absent')}</span>;
  const { status, amount, currency } = props.of;
  const differing = DIFFERING[props.kind];
  const marked = (name: typeof differing) => (name === differing ? classes.differs : undefined);
  return (
    <span className={classes.side}>
      <span className={marked('status')}>{status}</span>
      {amount === null && currency === null ? (
        <span className={marked('amount') ?? marked('currency') ?? classes.absent}>
          {t('noMoney')}
        </span>
      ) : (
        <span>
          <span className={marked('amount')}>{money(amount, null)}</span>{' '}
          <span className={marked('currency')}>{currency}</span>
        </span>
      )}
    </span>
  );
}
