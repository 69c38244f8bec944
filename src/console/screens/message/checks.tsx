import { Group, Paper, Skeleton, Text, Title } from '@mantine/core';
import {
  IconCheck,
  IconClock,
  IconHandStop,
  IconPlugConnectedX,
  IconQuestionMark,
} from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useAttempts, useSchedule } from '../../api/detail.ts';
import type { Message } from '../../api/messages.ts';
import type { AttemptView } from '../../api/notifications.ts';
import { CopyId, shortId } from '../../kit/copy-id.tsx';
import { Failure } from '../../kit/failure.tsx';
import { Tag } from '../../kit/status.tsx';
import { duration, ExactTime } from '../../kit/time.tsx';
import { CountDown } from '../detail/remaining.tsx';
import timeline from '../detail/timeline.module.css';
import { answerOf, saysUnknown } from './answer.ts';

const LOOKS = {
  committed: { tone: 'good', icon: IconCheck },
  rolled_back: { tone: 'idle', icon: IconHandStop },
  unknown: { tone: 'wait', icon: IconQuestionMark },
  working: { tone: 'busy', icon: IconClock },
  silent: { tone: 'bad', icon: IconPlugConnectedX },
} as const;

/** What the producer was asked, what it said each time, and when it is asked next. */
export function Checks({
  message,
  check,
}: {
  message: Message;
  check: NonNullable<Message['check']>;
}) {
  const { t } = useTranslation('message');
  const version = `${message.status} ${check.count} ${check.nextAt}`;
  const { data, error, refetch } = useAttempts(check.deliveryId, version);
  return (
    <Paper withBorder p="md" component="section" aria-label={t('checks.title')}>
      <Group justify="space-between" gap="xs" mb="sm">
        <Title order={2} size="sm">
          {t('checks.title')}
        </Title>
        <Text size="sm" c="dimmed" component="div">
          <CopyId text={check.deliveryId} shown={shortId(check.deliveryId)} />
        </Text>
      </Group>
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined && error === null && <Skeleton height={60} />}
      {data !== undefined && (
        <ol className={timeline.line} aria-label={t('checks.title')}>
          {data.map((attempt, index) => (
            <Check key={attempt.id} attempt={attempt} number={index + 1} />
          ))}
          {check.nextAt !== null && message.status === 'prepared' && (
            <NextCheck check={check} at={check.nextAt} version={version} />
          )}
          {data.length === 0 && message.status !== 'prepared' && (
            <Text component="li" size="sm" c="dimmed">
              {t('checks.none')}
            </Text>
          )}
        </ol>
      )}
    </Paper>
  );
}

function Check({ attempt, number }: { attempt: AttemptView; number: number }) {
  const { t } = useTranslation('message');
  const { t: overview } = useTranslation('overview');
  const { t: detail } = useTranslation('detail');
  const answer = answerOf(attempt);
  const { tone, icon: Icon } = LOOKS[answer];
  const { statusCode, responseExcerpt, resentBy } = attempt;
  return (
    <li className={timeline.step} data-tone={tone}>
      <span className={timeline.dot}>
        <Icon size={13} aria-hidden />
      </span>
      <div className={timeline.head}>
        <strong>{t('checks.number', { number })}</strong>
        <Tag tone={tone}>
          {t(`answer.${answer}`)} {statusCode !== 200 && statusCode}
        </Tag>
        {resentBy !== null && (
          <span className={timeline.soft}>
            {detail('timeline.by')} <CopyId text={resentBy} shown={shortId(resentBy)} />
          </span>
        )}
        <span className={timeline.when}>
          <ExactTime at={attempt.startedAt} />
        </span>
      </div>
      <div className={timeline.soft}>
        {[
          answer === 'silent' ? overview(`outcome.${attempt.outcome}`) : null,
          attempt.durationMs === null ? null : duration(attempt.durationMs),
          attempt.error,
        ]
          .filter((part) => part !== null)
          .join(' · ')}
      </div>
      {answer === 'unknown' && !saysUnknown(attempt) && (
        // Whatever a producer says is text, never markup.
        <pre className={timeline.answer}>{responseExcerpt}</pre>
      )}
    </li>
  );
}

function NextCheck(props: { check: NonNullable<Message['check']>; at: string; version: string }) {
  const { t } = useTranslation('message');
  const { data } = useSchedule(props.check.deliveryId, props.version);
  const rung = data?.attempts[0]?.rung ?? null;
  return (
    <li className={timeline.step} data-tone="wait">
      <span className={timeline.dot}>
        <IconClock size={13} aria-hidden />
      </span>
      <div className={timeline.head}>
        <strong>
          {t('checks.number', { number: props.check.count + 1 })} <CountDown to={props.at} />
        </strong>
        {data !== undefined && rung !== null && (
          <span className={timeline.soft}>
            {t('checks.left', { used: rung - 1, all: data.ladderLength })}
          </span>
        )}
        <span className={timeline.when}>
          <ExactTime at={props.at} />
        </span>
      </div>
    </li>
  );
}
