import { Anchor } from '@mantine/core';
import { IconBan, IconCheck, IconClock, IconHandStop, IconSend } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useDelivery, useSchedule, versionOf } from '../../api/detail.ts';
import { useEndpoint } from '../../api/endpoints.ts';
import type { DeliverySummary } from '../../api/notifications.ts';
import { duration, ExactTime } from '../../kit/time.tsx';
import { CountDown, RestSummary, useRungText } from './remaining.tsx';
import classes from './standing.module.css';

const LOOKS = {
  pending: { tone: 'wait', icon: IconClock },
  sending: { tone: 'busy', icon: IconSend },
  delivered: { tone: 'good', icon: IconCheck },
  acknowledged: { tone: 'good', icon: IconCheck },
  failed: { tone: 'bad', icon: IconBan },
  cancelled: { tone: 'idle', icon: IconHandStop },
  skipped: { tone: 'idle', icon: IconHandStop },
} as const;

/** Where a delivery stands, above all that was tried: what comes next and when, or how it ended. */
export function Standing({ delivery }: { delivery: DeliverySummary }) {
  const { t } = useTranslation('detail');
  const { tone, icon: Icon } = LOOKS[delivery.status];
  return (
    <section className={classes.standing} data-tone={tone} aria-label={t('standing.label')}>
      <Icon size={20} aria-hidden className={classes.icon} />
      <div className={classes.text}>
        {delivery.status === 'pending' ? (
          <Next delivery={delivery} />
        ) : delivery.status === 'sending' ? (
          <strong>{t('timeline.sending')}</strong>
        ) : (
          <Ended delivery={delivery} />
        )}
      </div>
    </section>
  );
}

/** The next attempt, counting down, on which rung it stands, and how many there are behind it. */
function Next({ delivery }: { delivery: DeliverySummary }) {
  const { t } = useTranslation('detail');
  const { data } = useSchedule(delivery.id, versionOf(delivery));
  const rungText = useRungText(data?.ladderLength);
  const [next, ...rest] = data?.attempts ?? [];
  const at = next?.at ?? delivery.nextAttemptAt;
  const last = rest.at(-1);
  return (
    <>
      <div>
        <strong className={classes.main}>
          {t('standing.next')} {at === null ? '…' : <CountDown to={at} />}
        </strong>
        {next !== undefined && ` · ${rungText(next)}`}
        {at !== null && (
          <>
            {' · '}
            <ExactTime at={at} />
          </>
        )}
      </div>
      {data !== undefined && next?.rung != null && (
        <Rungs done={next.rung - 1} all={data.ladderLength} />
      )}
      <div className={classes.more}>
        {next !== undefined && last === undefined && `${t('timeline.lastRung')} · `}
        {last !== undefined && (
          <>
            <RestSummary count={rest.length} last={last.at} /> ·{' '}
          </>
        )}
        {t('delivery.deadline')} <ExactTime at={delivery.deadlineAt} />
      </div>
      {delivery.endpointId !== null && <Hindrance endpointId={delivery.endpointId} />}
    </>
  );
}

/** One mark for each rung: behind us, next, and to come. */
function Rungs({ done, all }: { done: number; all: number }) {
  return (
    <div className={classes.rungs} aria-hidden>
      {Array.from({ length: all }, (_, rung) => (
        <span key={rung} data-rung={rung < done ? 'tried' : rung === done ? 'next' : 'later'} />
      ))}
    </div>
  );
}

/** Why nothing may come of the countdown: its endpoint is not called at present. */
function Hindrance({ endpointId }: { endpointId: string }) {
  const { t } = useTranslation('detail');
  const { data } = useEndpoint(endpointId);
  if (data === undefined) return null;
  const { status, circuit } = data;
  if (status === 'active' && circuit.state === 'closed') return null;
  return (
    <div className={classes.hindrance}>
      {t(`standing.${status === 'active' ? 'open' : status}`)}{' '}
      <Anchor component={Link} to={`/endpoints/${endpointId}`} inherit>
        {t('standing.endpoint')}
      </Anchor>
    </div>
  );
}

/** What became of it, when, and after how long. */
function Ended({ delivery }: { delivery: DeliverySummary }) {
  const { t } = useTranslation('detail');
  const { status, reason, attemptCount } = delivery;
  const { data } = useDelivery(delivery.id, versionOf(delivery));
  const endedAt = data?.settledAt ?? null;
  const parts: ReactNode[] = [
    ...(reason === null ? [] : [t(`reason.${reason}`)]),
    ...(attemptCount === 0 ? [] : [t('standing.after', { count: attemptCount })]),
  ];
  return (
    <>
      <div>
        <strong className={classes.main}>{t(`standing.${status as 'failed'}`)}</strong>
        {parts.length > 0 && ` · ${parts.join(' · ')}`}
      </div>
      {data !== undefined && endedAt !== null && (
        <div className={classes.more}>
          <ExactTime at={endedAt} />
          {delivery.cycle === 1 &&
            ` · ${t('standing.took', {
              time: duration(Date.parse(endedAt) - Date.parse(data.acceptedAt)),
            })}`}
        </div>
      )}
    </>
  );
}
