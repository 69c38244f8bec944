import { useTranslation } from 'react-i18next';
import type { Transaction } from '../../api/transactions.ts';
import { type Phase, Phases } from '../../kit/phases.tsx';
import { ExactTime } from '../../kit/time.tsx';
import { CountDown } from '../detail/remaining.tsx';
import { turnOf } from './turn.ts';

/** begun → tried → decided → done by every branch. */
export function TransactionPhases({ transaction }: { transaction: Transaction }) {
  const { t } = useTranslation('transaction');
  const { createdAt, mode } = transaction;
  const phases: Phase[] = [
    {
      key: 'begun',
      title: t('phase.begun'),
      tone: 'good',
      children: (
        <>
          <ExactTime at={createdAt} /> · {t(`mode.${mode}`)}
        </>
      ),
    },
    useTries(transaction),
    useDecision(transaction),
    useSecond(transaction),
  ];
  return <Phases label={t('phase.label')} phases={phases} />;
}

/** What the tries say; an initiator makes its own, and the gateway does not hear of them. */
function useTries({ mode, branches, status, decision }: Transaction): Phase {
  const { t } = useTranslation('transaction');
  const phase = { key: 'tries', title: t('phase.tries') };
  if (mode === 'initiator') {
    return {
      ...phase,
      tone: status === 'trying' ? 'wait' : 'good',
      children: t('phase.registered', { count: branches.length }),
    };
  }
  const failed = branches.filter(({ status: each }) => each === 'try_failed').length;
  const yes = branches.filter(({ calls }) =>
    calls.some((call) => call.op === 'try' && call.status === 'delivered'),
  ).length;
  return {
    ...phase,
    tone:
      failed > 0 || (decision === 'cancel' && yes < branches.length)
        ? 'bad'
        : yes === branches.length
          ? 'good'
          : 'busy',
    children: t('phase.yes', { yes, all: branches.length }),
  };
}

function useDecision({ status, decision, cause, decidedAt, timeoutAt }: Transaction): Phase {
  const { t } = useTranslation('transaction');
  const { t: list } = useTranslation('transactions');
  if (decision === null) {
    return {
      key: 'decision',
      title: t('phase.undecided'),
      tone: status === 'trying' ? 'wait' : 'later',
      children: (
        <>
          {t('phase.timeout')} <CountDown to={timeoutAt} />
        </>
      ),
    };
  }
  return {
    key: 'decision',
    title: t(`phase.${decision}`),
    tone: decision === 'confirm' ? 'good' : 'idle',
    children: (
      <>
        {decidedAt !== null && <ExactTime at={decidedAt} />}
        {cause !== null && ` · ${list(`cause.${cause}`)}`}
      </>
    ),
  };
}

function useSecond(transaction: Transaction): Phase {
  const { t } = useTranslation('transaction');
  const { t: list } = useTranslation('transactions');
  const { status, decision, branches, finishedAt, suspendedAt } = transaction;
  const phase = { key: 'second', title: t('phase.second') };
  if (decision === null) return { ...phase, tone: 'later' };
  const done = branches.filter((branch) => branch.finishedAt !== null).length;
  const progress = t('phase.done', { done, all: branches.length });
  if (finishedAt !== null) {
    return {
      ...phase,
      title: list(`status.${decision === 'confirm' ? 'confirmed' : 'cancelled'}`),
      tone: 'good',
      children: (
        <>
          <ExactTime at={finishedAt} /> · {progress}
        </>
      ),
    };
  }
  const turn = turnOf(transaction)?.branchId;
  return {
    ...phase,
    title: list(`status.${status}`),
    tone: status === 'suspended' ? 'bad' : 'busy',
    children: (
      <>
        {status === 'suspended' && suspendedAt !== null && (
          <>
            <ExactTime at={suspendedAt} /> ·{' '}
          </>
        )}
        {progress}
        {turn !== undefined && ` · ${t('phase.at', { branch: turn })}`}
      </>
    ),
  };
}
