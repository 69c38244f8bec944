import { Button, Group, Paper, Skeleton, Stack, Text } from '@mantine/core';
import { IconPlayerPause, IconPlayerPlay, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { type ResendView, useResendJob, useTurnResend } from '../../api/resends.ts';
import { Confirm } from '../../kit/confirm.tsx';
import { CopyId } from '../../kit/copy-id.tsx';
import { Facts } from '../../kit/facts.tsx';
import { Failure } from '../../kit/failure.tsx';
import { Page } from '../../kit/page.tsx';
import { duration, ExactTime } from '../../kit/time.tsx';
import { filterWords } from '../resends/filter-words.ts';
import { JobProgress } from '../resends/job-progress.tsx';
import { JobState } from '../resends/job-state.tsx';
import classes from './resend.module.css';

const SECOND = 1000;

/** A job as it goes: how far, what came of it, and the brakes. */
export function Resend() {
  const { t } = useTranslation('resend');
  const { id = '' } = useParams();
  const { data, error, refetch } = useResendJob(id);
  return (
    <Page
      title={t('title')}
      heading={
        <Group gap="sm">
          {t('title')}
          {data !== undefined && <JobState status={data.status} />}
        </Group>
      }
      back={{ to: '/resends', label: t('all') }}
    >
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined && error === null && <Skeleton height={160} />}
      {data !== undefined && (
        <>
          <Progress job={data} />
          <About job={data} />
        </>
      )}
    </Page>
  );
}

function Progress({ job }: { job: ResendView }) {
  const { t } = useTranslation('resend');
  const { matched, resent, skipped, failed, status, ratePerSecond } = job;
  const left = Math.max(0, matched - resent - skipped - failed);
  return (
    <Paper withBorder p="md" component="section" aria-label={t('progress')}>
      <Stack gap="sm">
        <JobProgress job={job} />
        <dl className={classes.numbers}>
          {(['resent', 'skipped', 'failed'] as const).map((name) => (
            <div key={name} data-part={name}>
              <dt>{t(name)}</dt>
              <dd>{job[name].toLocaleString()}</dd>
              <dd className={classes.hint}>{t(`${name}Hint`)}</dd>
            </div>
          ))}
          <div data-part="left">
            <dt>{t('left')}</dt>
            <dd>{(job.finishedAt === null ? left : 0).toLocaleString()}</dd>
            <dd className={classes.hint}>
              {status === 'running' &&
                left > 0 &&
                t('takes', { time: duration((left / ratePerSecond) * SECOND) || '1 s' })}
              {status === 'paused' && t('waits')}
            </dd>
          </div>
        </dl>
        {job.error !== null && (
          <Text size="sm" c="var(--bad)" role="alert">
            {job.error}
          </Text>
        )}
        {job.finishedAt === null && <Brakes job={job} />}
      </Stack>
    </Paper>
  );
}

function Brakes({ job: { id, status } }: { job: ResendView }) {
  const { t } = useTranslation('resend');
  const turn = useTurnResend(id);
  const [isCancelling, cancel] = useState(false);
  return (
    <>
      {turn.error !== null && <Failure error={turn.error} />}
      <Group gap="xs">
        {status === 'running' ? (
          <Button
            variant="default"
            leftSection={<IconPlayerPause size={16} aria-hidden />}
            loading={turn.isPending}
            onClick={() => turn.mutate('pause')}
          >
            {t('pause')}
          </Button>
        ) : (
          <Button
            leftSection={<IconPlayerPlay size={16} aria-hidden />}
            loading={turn.isPending}
            onClick={() => turn.mutate('resume')}
          >
            {t('resume')}
          </Button>
        )}
        <Button
          variant="default"
          leftSection={<IconX size={16} aria-hidden />}
          onClick={() => cancel(true)}
        >
          {t('cancel')}
        </Button>
      </Group>
      <Confirm
        title={t('cancelTitle')}
        text={t('cancelText')}
        submit={t('cancel')}
        tone="bad"
        isOpen={isCancelling}
        close={() => cancel(false)}
        act={() => turn.mutateAsync('cancel')}
      />
    </>
  );
}

function About({ job }: { job: ResendView }) {
  const { t } = useTranslation('resend');
  const { t: words } = useTranslation('resends');
  const { t: kit } = useTranslation('kit');
  return (
    <Paper withBorder p="md">
      <Facts
        label={t('about')}
        facts={[
          [t('why'), <strong key="why">{job.reason}</strong>],
          [
            t('who'),
            `${job.createdBy.name}${job.merchantId === null ? '' : ` (${job.merchantId})`}`,
          ],
          ...filterWords(job.filter, words, kit).map(
            ({ name, text }) => [t(`filter.${name}`), text] as const,
          ),
          [t('rate'), t('rateOf', { rate: job.ratePerSecond })],
          [t('force'), job.force ? t('forced') : null],
          [t('matched'), job.matched.toLocaleString()],
          [t('started'), <ExactTime key="started" at={job.startedAt} />],
          [
            t('finished'),
            job.finishedAt === null ? null : <ExactTime key="finished" at={job.finishedAt} />,
          ],
          [t('id'), <CopyId key="id" text={job.id} />],
        ]}
      />
    </Paper>
  );
}
