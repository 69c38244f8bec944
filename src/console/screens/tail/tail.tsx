import { Anchor, Button, Group, NativeSelect, Paper, Text } from '@mantine/core';
import { IconPlayerPause, IconPlayerPlay, IconTerminal2 } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import { withQuery } from '../../api/client.ts';
import { Empty } from '../../kit/empty.tsx';
import { Failure } from '../../kit/failure.tsx';
import { MerchantChoice } from '../../kit/merchant-choice.tsx';
import { Page } from '../../kit/page.tsx';
import { Tag } from '../../kit/status.tsx';
import { duration, ExactTime } from '../../kit/time.tsx';
import { WrittenFilter } from '../../kit/written-filter.tsx';
import { type Line, MOST_KEPT, useStream } from './stream.ts';
import classes from './tail.module.css';

const FAILURES =
  'http_status,body_mismatch,timeout,connection_error,tls_error,dns_error,blocked_target,unknown';
const SHOWN = { all: '', failures: FAILURES, successes: 'success' } as const;
type Shown = keyof typeof SHOWN;

/** Attempts as they end, in whichever process. */
export function Tail() {
  const { t } = useTranslation('tail');
  const [params] = useSearchParams();
  const wanted = params.get('show') ?? 'all';
  const url = withQuery('/v1/events', {
    outcome: wanted in SHOWN ? SHOWN[wanted as Shown] : '',
    merchantId: params.get('merchant'),
    queue: params.get('queue'),
  });
  const stream = useStream(url);
  const { shown, waiting, isPaused, connection, act } = stream;
  return (
    <Page
      title={t('title')}
      actions={
        <>
          <Tag tone={isPaused ? 'wait' : connection === 'open' ? 'good' : 'idle'}>
            <span role="status">
              {isPaused ? t('paused') : connection === 'open' ? t('live') : t('connecting')}
            </span>
          </Tag>
          <Button
            size="xs"
            variant={isPaused ? 'filled' : 'default'}
            leftSection={
              isPaused ? (
                <IconPlayerPlay size={14} aria-hidden />
              ) : (
                <IconPlayerPause size={14} aria-hidden />
              )
            }
            onClick={() => act(isPaused ? 'resume' : 'pause')}
          >
            {!isPaused
              ? t('pause')
              : waiting.length === 0
                ? t('resume')
                : t('resumeMany', { count: waiting.length })}
          </Button>
          <Button size="xs" variant="default" onClick={() => act('clear')}>
            {t('clear')}
          </Button>
        </>
      }
    >
      <Filters />
      {connection === 'lost' && <Failure error={new Error(t('lost'))} retry={stream.reconnect} />}
      {shown.length === 0 ? (
        <Empty icon={IconTerminal2} title={t('waiting.title')} text={t('waiting.text')}>
          <Button component={Link} to="/notifications" variant="default">
            {t('waiting.all')}
          </Button>
        </Empty>
      ) : (
        <Paper withBorder>
          <ol className={classes.lines} aria-label={t('list')}>
            {shown.map((line) => (
              <Entry key={line.event.id} line={line} />
            ))}
          </ol>
        </Paper>
      )}
      <Text size="xs" c="dimmed">
        {t('limit', { count: MOST_KEPT })}
      </Text>
    </Page>
  );
}

function Filters() {
  const { t } = useTranslation('tail');
  const [params, setParams] = useSearchParams();
  const set = (name: string, value: string) => {
    const after = new URLSearchParams(params);
    if (value === '') after.delete(name);
    else after.set(name, value);
    setParams(after, { replace: true });
  };
  return (
    <Group gap="xs" align="flex-end" component="search">
      <NativeSelect
        size="xs"
        label={t('show')}
        value={params.get('show') ?? 'all'}
        onChange={(event) =>
          set('show', event.currentTarget.value === 'all' ? '' : event.currentTarget.value)
        }
        data={(Object.keys(SHOWN) as Shown[]).map((value) => ({ value, label: t(value) }))}
      />
      <WrittenFilter
        size="xs"
        w={150}
        label={t('queue')}
        value={params.get('queue') ?? ''}
        decide={(queue) => set('queue', queue)}
      />
      <MerchantChoice size="xs" />
    </Group>
  );
}

function Entry({ line: { event, afterGap } }: { line: Line }) {
  const { t } = useTranslation('tail');
  const { t: overview } = useTranslation('overview');
  const { status } = event.delivery;
  const isGood = event.outcome === 'success';
  return (
    <li className={classes.line}>
      <span className={classes.time}>
        <ExactTime at={event.startedAt} />
      </span>
      <Tag tone={isGood ? 'good' : 'bad'}>
        {overview(`outcome.${event.outcome}`)} {event.statusCode}
      </Tag>
      {event.notificationId === null ? (
        <span>{event.businessKey}</span>
      ) : (
        <Anchor component={Link} to={`/notifications/${event.notificationId}`} size="sm" fw={550}>
          {event.businessKey}
        </Anchor>
      )}
      <span className={classes.soft}>
        {[
          event.type,
          event.merchantId,
          event.queue,
          `#${event.number}`,
          event.durationMs === null ? null : duration(event.durationMs),
          status === 'delivered' || status === 'failed' || status === 'pending'
            ? t(`became.${status}`)
            : status,
          event.url,
          event.error,
        ]
          .filter((part) => part !== null)
          .join(' · ')}
      </span>
      {afterGap && <span className={classes.gap}>{t('gap')}</span>}
    </li>
  );
}
