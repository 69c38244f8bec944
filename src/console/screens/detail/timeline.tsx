import { Skeleton, Spoiler, Text } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconSend } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useAttempts, versionOf } from '../../api/detail.ts';
import { type AttemptView, type DeliverySummary, isSettled } from '../../api/notifications.ts';
import { CopyId, shortId } from '../../kit/copy-id.tsx';
import { Failure } from '../../kit/failure.tsx';
import { Tag } from '../../kit/status.tsx';
import { duration, ExactTime } from '../../kit/time.tsx';
import { Remaining } from './remaining.tsx';
import classes from './timeline.module.css';

/** What was tried, oldest first, and what is still to come: one line through time. */
export function Timeline({ delivery }: { delivery: DeliverySummary }) {
  const { t } = useTranslation('detail');
  const version = versionOf(delivery);
  const { data, error, refetch } = useAttempts(delivery.id, version);
  if (error !== null) return <Failure error={error} retry={refetch} />;
  if (data === undefined) return <Skeleton height={80} />;
  const hasCycles = data.some(({ cycle }) => cycle > 1) || delivery.cycle > 1;
  const isOpen = !isSettled(delivery.status);
  return (
    <ol className={classes.line} aria-label={t('timeline.label')}>
      {data.map((attempt, index) => (
        <Attempt
          key={attempt.id}
          attempt={attempt}
          before={data[index - 1]}
          hasCycles={hasCycles}
        />
      ))}
      {delivery.status === 'sending' && (
        <li className={classes.step} data-tone="busy">
          <span className={classes.dot}>
            <IconSend size={12} aria-hidden />
          </span>
          {t('timeline.sending')}
        </li>
      )}
      {isOpen && <Remaining deliveryId={delivery.id} version={version} />}
      {!isOpen && data.length === 0 && (
        <Text component="li" size="sm" c="dimmed">
          {t('timeline.none')}
        </Text>
      )}
    </ol>
  );
}

function Attempt(props: {
  attempt: AttemptView;
  before: AttemptView | undefined;
  hasCycles: boolean;
}) {
  const { attempt, before } = props;
  const begins = props.hasCycles && attempt.cycle !== before?.cycle;
  const saysNothingNew =
    attempt.responseExcerpt === before?.responseExcerpt && attempt.outcome === before?.outcome;
  const { t } = useTranslation('detail');
  const { t: overview } = useTranslation('overview');
  const isGood = attempt.outcome === 'success';
  return (
    <>
      {begins && <li className={classes.cycle}>{t('timeline.cycle', { cycle: attempt.cycle })}</li>}
      <li className={classes.step} data-tone={isGood ? 'good' : 'bad'}>
        <span className={classes.dot}>
          {isGood ? (
            <IconCheck size={13} aria-hidden />
          ) : (
            <IconAlertTriangle size={12} aria-hidden />
          )}
        </span>
        <div className={classes.head}>
          <strong>{t('timeline.attempt', { number: attempt.number })}</strong>
          <Tag tone={isGood ? 'good' : 'bad'}>
            {overview(`outcome.${attempt.outcome}`)} {attempt.statusCode}
          </Tag>
          {attempt.trigger !== 'ladder' && <Tag tone="busy">{t(`trigger.${attempt.trigger}`)}</Tag>}
          {attempt.resentBy !== null && (
            <span className={classes.soft}>
              {t('timeline.by')}{' '}
              <CopyId text={attempt.resentBy} shown={shortId(attempt.resentBy)} />
            </span>
          )}
          <span className={classes.when}>
            <ExactTime at={attempt.startedAt} />
          </span>
        </div>
        <div className={classes.soft}>
          {[
            attempt.durationMs === null ? null : duration(attempt.durationMs),
            attempt.remoteAddress,
            attempt.error,
            saysNothingNew && attempt.responseExcerpt ? t('timeline.sameAnswer') : null,
          ]
            .filter((part) => part !== null)
            .join(' · ')}
        </div>
        {!saysNothingNew && attempt.responseExcerpt !== null && attempt.responseExcerpt !== '' && (
          <Spoiler
            maxHeight={96}
            showLabel={t('timeline.showAnswer')}
            hideLabel={t('timeline.hideAnswer')}
            mt={6}
          >
            {/* Whatever a receiver says is text, never markup. */}
            <pre className={classes.answer}>{attempt.responseExcerpt}</pre>
          </Spoiler>
        )}
      </li>
    </>
  );
}
