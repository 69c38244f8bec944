import { Anchor } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import type { BranchCall } from '../../api/transactions.ts';
import { Dialog } from '../../kit/dialog.tsx';
import { Status } from '../../kit/status.tsx';
import { CountDown } from '../detail/remaining.tsx';
import { Timeline } from '../detail/timeline.tsx';
import classes from './transaction.module.css';

/** One call of a branch, in a cell: how it stands, how often it was made, what was said last, when it is made next. */
export function Call({ call, waitsFor }: { call: BranchCall; waitsFor: string | null }) {
  const { t } = useTranslation('transaction');
  const { t: overview } = useTranslation('overview');
  const [params] = useSearchParams();
  const { status, attemptCount, nextAttemptAt } = call;
  const last = call.attempts.at(-1);
  const shown = new URLSearchParams(params);
  shown.set('call', call.deliveryId);
  return (
    <div className={classes.call}>
      <span>
        <Status status={status} />{' '}
        {last !== undefined && (
          <span className={classes.soft}>
            {overview(`outcome.${last.outcome}`)} {last.statusCode}
          </span>
        )}
      </span>
      <span className={classes.soft}>
        <Anchor component={Link} to={`?${shown}`} preventScrollReset inherit underline="always">
          {t('calls', { count: attemptCount })}
        </Anchor>
        {waitsFor !== null && ` · ${waitsFor}`}
        {waitsFor === null && nextAttemptAt !== null && (
          <>
            {' · '}
            {t('next')} <CountDown to={nextAttemptAt} />
          </>
        )}
      </span>
    </div>
  );
}

/** Every attempt at the call that the address names, over the screen. */
export function CallLog({ calls }: { calls: { branchId: string; call: BranchCall }[] }) {
  const { t } = useTranslation('transaction');
  const [params, setParams] = useSearchParams();
  const shown = calls.find(({ call }) => call.deliveryId === params.get('call'));
  const close = () => {
    const after = new URLSearchParams(params);
    after.delete('call');
    setParams(after, { replace: true, preventScrollReset: true });
  };
  return (
    <Dialog
      opened={shown !== undefined}
      onClose={close}
      size="lg"
      title={shown && `${shown.branchId} · ${t(`op.${shown.call.op}`)}`}
    >
      {shown !== undefined && (
        <Timeline
          delivery={{
            ...shown.call,
            id: shown.call.deliveryId,
            endpointId: null,
            url: null,
          }}
        />
      )}
    </Dialog>
  );
}
