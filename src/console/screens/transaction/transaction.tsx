import { Group, Paper, Skeleton } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useParams, useSearchParams } from 'react-router';
import { type Transaction as TransactionView, useTransaction } from '../../api/transactions.ts';
import { CopyId, shortId } from '../../kit/copy-id.tsx';
import { Facts } from '../../kit/facts.tsx';
import { Failure } from '../../kit/failure.tsx';
import { Page } from '../../kit/page.tsx';
import { Parked } from '../../kit/parked.tsx';
import { duration, ExactTime } from '../../kit/time.tsx';
import { TransactionState } from '../transactions/state.tsx';
import { BranchActions } from './branch-actions.tsx';
import { Addresses, Branches } from './branches.tsx';
import { Decide } from './decide.tsx';
import { TransactionPhases } from './phases.tsx';
import { turnOf } from './turn.ts';

const SECOND = 1000;

/** One TCC transaction: its phases, every branch with its calls, and what to do about it. */
export function Transaction() {
  const { t } = useTranslation('transaction');
  const { gid = '' } = useParams();
  const [params] = useSearchParams();
  const { data, error, refetch } = useTransaction({ gid, producer: params.get('producer') });
  const title = t('title', { gid });
  return (
    <Page
      title={title}
      heading={data === undefined ? title : <Heading transaction={data} />}
      back={{ to: '/transactions', label: t('back') }}
      actions={data !== undefined && <Decide transaction={data} />}
    >
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined && error === null && <Skeleton height={240} />}
      {data !== undefined && (
        <>
          <Suspended transaction={data} />
          <Paper withBorder p="md">
            <TransactionPhases transaction={data} />
          </Paper>
          <Branches transaction={data} />
          <About transaction={data} />
          <Addresses branches={data.branches} />
        </>
      )}
    </Page>
  );
}

function Heading({ transaction }: { transaction: TransactionView }) {
  return (
    <Group gap="xs" component="span">
      <CopyId text={transaction.gid} />
      <TransactionState status={transaction.status} />
    </Group>
  );
}

function Suspended({ transaction }: { transaction: TransactionView }) {
  const { t } = useTranslation('transaction');
  const { status, decision } = transaction;
  const turn = turnOf(transaction);
  if (status !== 'suspended' || decision === null || turn === undefined) return null;
  return (
    <Parked title={t('parked.title')} text={t(`parked.${decision}`, { branch: turn.branchId })}>
      <BranchActions transaction={transaction} branch={turn} size="xs" />
    </Parked>
  );
}

function About({ transaction }: { transaction: TransactionView }) {
  const { t } = useTranslation('transaction');
  const { producer, decidedAt, suspendedAt, finishedAt } = transaction;
  return (
    <Paper withBorder p="sm">
      <Facts
        label={t('facts.label')}
        facts={[
          [t('facts.key'), <CopyId key="key" text={transaction.businessKey} />],
          [t('facts.producer'), <CopyId key="by" text={producer} shown={shortId(producer)} />],
          [t('facts.mode'), t(`mode.${transaction.mode}`)],
          [t('facts.begun'), <ExactTime key="begun" at={transaction.createdAt} />],
          [
            t('facts.timeout'),
            <span key="timeout">
              <ExactTime at={transaction.timeoutAt} /> (
              {duration(transaction.timeoutSeconds * SECOND)})
            </span>,
          ],
          [t('facts.decided'), decidedAt && <ExactTime key="decided" at={decidedAt} />],
          [t('facts.reason'), transaction.reason],
          [t('facts.suspended'), suspendedAt && <ExactTime key="suspended" at={suspendedAt} />],
          [t('facts.finished'), finishedAt && <ExactTime key="finished" at={finishedAt} />],
        ]}
      />
    </Paper>
  );
}
