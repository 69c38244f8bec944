import { Paper, Text, Title } from '@mantine/core';
import { IconGitBranch } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { allOf } from '../../api/pages.ts';
import type { Branch, Transaction } from '../../api/transactions.ts';
import { CopyId } from '../../kit/copy-id.tsx';
import { Empty } from '../../kit/empty.tsx';
import { type Column, List } from '../../kit/list.tsx';
import { Tag } from '../../kit/status.tsx';
import { ExactTime } from '../../kit/time.tsx';
import { BranchActions } from './branch-actions.tsx';
import { Call, CallLog } from './call.tsx';
import classes from './transaction.module.css';
import { secondCallOf, tryCallOf, turnOf } from './turn.ts';

const TONES = {
  registered: 'wait',
  tried: 'busy',
  try_failed: 'bad',
  try_unknown: 'bad',
  confirmed: 'good',
  cancelled: 'idle',
} as const;

/** A row for each branch: its try, what was decided, and what can be done about it. */
export function Branches({ transaction }: { transaction: Transaction }) {
  const { t } = useTranslation('transaction');
  const { branches } = transaction;
  return (
    <section aria-label={t('branches')}>
      <Title order={2} size="sm" mb={8}>
        {t('branches')}
      </Title>
      <List
        label={t('branches')}
        pages={allOf(branches)}
        columns={useColumns(transaction)}
        keyOf={({ branchId }) => branchId}
        empty={<Empty icon={IconGitBranch} title={t('empty.title')} text={t('empty.text')} />}
      />
      <CallLog
        calls={branches.flatMap(({ branchId, calls }) => calls.map((call) => ({ branchId, call })))}
      />
    </section>
  );
}

function useColumns(transaction: Transaction): Column<Branch>[] {
  const { t } = useTranslation('transaction');
  const { decision } = transaction;
  return [
    {
      name: 'branch',
      header: t('columns.branch'),
      cell: (branch) => (
        <div className={classes.call}>
          <CopyId text={branch.branchId} />
          <span>
            <Tag tone={TONES[branch.status]}>{t(`branch.${branch.status}`)}</Tag>
          </span>
        </div>
      ),
    },
    { name: 'try', header: t('columns.try'), cell: (branch) => <Try branch={branch} /> },
    {
      name: 'second',
      header: t(decision === null ? 'columns.second' : `columns.${decision}`),
      cell: (branch) => <Second branch={branch} transaction={transaction} />,
    },
    {
      name: 'done',
      header: t('columns.done'),
      cell: ({ finishedAt }) => (finishedAt === null ? '—' : <ExactTime at={finishedAt} />),
    },
    {
      name: 'actions',
      header: t('columns.actions'),
      cell: (branch) =>
        branch.finishedAt !== null ? (
          '—'
        ) : (
          <BranchActions transaction={transaction} branch={branch} />
        ),
    },
  ];
}

function Try({ branch }: { branch: Branch }) {
  const { t } = useTranslation('transaction');
  const call = tryCallOf(branch);
  if (call !== undefined) return <Call call={call} waitsFor={null} />;
  return (
    <Text size="sm" c="dimmed">
      {t('ownTry')}
    </Text>
  );
}

function Second({ branch, transaction }: { branch: Branch; transaction: Transaction }) {
  const { t } = useTranslation('transaction');
  const call = secondCallOf(branch);
  if (call === undefined) return '—';
  const turn = turnOf(transaction);
  const isWaiting = branch.finishedAt === null && turn?.branchId !== branch.branchId;
  const waitsFor = isWaiting && turn ? t('waitsFor', { branch: turn.branchId }) : null;
  return (
    <div className={classes.call}>
      <Call call={call} waitsFor={waitsFor} />
      {branch.failures > 0 && (
        <span className={classes.soft}>{t('failures', { count: branch.failures })}</span>
      )}
      {branch.resolvedReason !== null && (
        <Text size="sm">{t('byHand', { reason: branch.resolvedReason })}</Text>
      )}
    </div>
  );
}

const OPS = ['try', 'confirm', 'cancel'] as const;

/** Where each branch is called. */
export function Addresses({ branches }: { branches: Branch[] }) {
  const { t } = useTranslation('transaction');
  if (branches.length === 0) return null;
  return (
    <Paper withBorder p="sm" component="details" fz="sm">
      <summary>{t('addresses')}</summary>
      {branches.map((branch) => (
        <ul key={branch.branchId} className={classes.urls} aria-label={branch.branchId}>
          {OPS.map((op) => {
            const url = branch[`${op}Url`];
            return (
              url !== null && (
                <li key={op}>
                  {branch.branchId} {t(`op.${op}`)} <CopyId text={url} />
                </li>
              )
            );
          })}
        </ul>
      ))}
    </Paper>
  );
}
