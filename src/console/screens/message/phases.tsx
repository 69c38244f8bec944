import { useTranslation } from 'react-i18next';
import type { Message } from '../../api/messages.ts';
import { shortId } from '../../kit/copy-id.tsx';
import { type Phase, Phases } from '../../kit/phases.tsx';
import { ExactTime } from '../../kit/time.tsx';
import { CountDown } from '../detail/remaining.tsx';

/** prepared → decided → delivered → completed: when, by whom, and what it waits for. */
export function MessagePhases({ message }: { message: Message }) {
  const { t } = useTranslation('message');
  const { preparedAt, producerKeyId } = message;
  const phases: Phase[] = [
    {
      key: 'prepared',
      title: t('phase.prepared'),
      tone: 'good',
      children: (
        <>
          <ExactTime at={preparedAt} />
          {producerKeyId !== null && ` · ${t('by.producer')} ${shortId(producerKeyId)}`}
        </>
      ),
    },
    useDecision(message),
    useDelivered(message),
    useCompleted(message),
  ];
  return <Phases label={t('phase.label')} phases={phases} />;
}

function useDecision(message: Message): Phase {
  const { t } = useTranslation('message');
  const { status, check, decidedAt, decidedBy, suspendedAt } = message;
  if (status === 'prepared') {
    return {
      key: 'decided',
      title: t('phase.undecided'),
      tone: 'wait',
      children:
        check !== null &&
        (check.nextAt === null ? (
          t('phase.checking')
        ) : (
          <>
            {t('phase.nextCheck', { number: check.count + 1 })} <CountDown to={check.nextAt} />
          </>
        )),
    };
  }
  if (status === 'suspended') {
    return {
      key: 'decided',
      title: t('phase.suspended'),
      tone: 'bad',
      children: (
        <>
          {suspendedAt !== null && <ExactTime at={suspendedAt} />} · {t('phase.people')}
        </>
      ),
    };
  }
  const isCancelled = status === 'cancelled';
  return {
    key: 'decided',
    title: t(isCancelled ? 'phase.cancelled' : 'phase.confirmed'),
    tone: isCancelled ? 'idle' : 'good',
    children: (
      <>
        {decidedAt !== null && <ExactTime at={decidedAt} />}
        {decidedBy !== null && ` · ${t(`by.${decidedBy}`)}`}
      </>
    ),
  };
}

const isUndecided = ({ status }: Message) =>
  status === 'prepared' || status === 'suspended' || status === 'cancelled';

function useDelivered(message: Message): Phase {
  const { t } = useTranslation('message');
  const { deliveries, status } = message;
  const phase = { key: 'delivered', title: t('phase.delivered') };
  if (isUndecided(message)) {
    return {
      ...phase,
      tone: 'later',
      ...(status === 'cancelled' && { children: t('phase.never') }),
    };
  }
  if (deliveries.length === 0) return { ...phase, tone: 'idle', children: t('phase.nobody') };
  const count = (wanted: string[]) =>
    deliveries.filter(({ status }) => wanted.includes(status)).length;
  const reached = count(['sent', 'completed']);
  const dead = count(['dead']);
  const [next] = deliveries.flatMap(({ nextAttemptAt }) => nextAttemptAt ?? []).toSorted();
  return {
    ...phase,
    title: t(reached === deliveries.length ? 'phase.delivered' : 'phase.delivering'),
    tone: dead > 0 ? 'bad' : reached === deliveries.length ? 'good' : 'busy',
    children: (
      <>
        {t('phase.reached', { reached, all: deliveries.length })}
        {dead > 0 && ` · ${t('phase.dead', { count: dead })}`}
        {next !== undefined && status === 'confirmed' && (
          <>
            {' · '}
            {t('phase.nextAttempt')} <CountDown to={next} />
          </>
        )}
      </>
    ),
  };
}

function useCompleted(message: Message): Phase {
  const { t } = useTranslation('message');
  const { status, deliveries, outcome } = message;
  const phase = { key: 'completed', title: t('phase.completed') };
  const last = deliveries
    .flatMap(({ completedAt }) => completedAt ?? [])
    .toSorted()
    .at(-1);
  if (status === 'completed') {
    return {
      ...phase,
      title: t(outcome === 'failed' ? 'phase.failed' : 'phase.completed'),
      tone: outcome === 'failed' ? 'bad' : 'good',
      children: last !== undefined && <ExactTime at={last} />,
    };
  }
  if (status === 'sent') return { ...phase, tone: 'wait', children: t('phase.awaiting') };
  return { ...phase, tone: 'later' };
}
