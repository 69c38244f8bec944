import { Button, Group, SegmentedControl, SimpleGrid, Skeleton, Stack } from '@mantine/core';
import { IconMoonStars } from '@tabler/icons-react';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { get } from '../../api/client.ts';
import type { Overview as OverviewView, WindowName } from '../../api/overview.ts';
import { Empty } from '../../kit/empty.tsx';
import { Failure } from '../../kit/failure.tsx';
import { Page } from '../../kit/page.tsx';
import { Charts } from './charts.tsx';
import { Failing } from './failing.tsx';
import { Figures } from './figures.tsx';
import { Shares } from './shares.tsx';
import { Suspended } from './suspended.tsx';

const WINDOWS: readonly WindowName[] = ['1h', '24h', '7d'];
const REFRESH_MS = 5000;

/** How deliveries fare, at a glance. */
export function Overview() {
  const { t } = useTranslation('overview');
  const [params, setParams] = useSearchParams();
  const window = WINDOWS.find((name) => name === params.get('window')) ?? '1h';
  const choose = (name: string) =>
    setParams({ window: name }, { replace: true, preventScrollReset: true });
  const { data, error, refetch } = useQuery({
    queryKey: ['overview', window],
    queryFn: ({ signal }) => get<OverviewView>('/v1/overview', { window }, signal),
    refetchInterval: REFRESH_MS,
    placeholderData: keepPreviousData,
  });
  return (
    <Page
      title={t('title')}
      actions={
        <SegmentedControl
          size="xs"
          aria-label={t('window.label')}
          value={window}
          onChange={choose}
          data={WINDOWS.map((value) => ({ value, label: t(`window.${value}`) }))}
        />
      }
    >
      <Suspended />
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined && error === null && <Waiting />}
      {data !== undefined && <Sight overview={data} look={choose} />}
    </Page>
  );
}

function Sight({ overview, look }: { overview: OverviewView; look(window: string): void }) {
  const { t } = useTranslation('overview');
  const { t: kit } = useTranslation('kit');
  const { attempts, ended, backlog } = overview;
  if (attempts.count === 0 && backlog.waiting === 0) {
    return (
      <Empty icon={IconMoonStars} title={t('empty.title')} text={t('empty.text')}>
        <Group>
          {overview.window !== '7d' && (
            <Button variant="default" onClick={() => look('7d')}>
              {t('empty.longer')}
            </Button>
          )}
          <Button component="a" href="/docs" target="_blank">
            {t('empty.docs')}
          </Button>
        </Group>
      </Empty>
    );
  }
  const outcomes = Object.entries(attempts.outcomes) as [keyof typeof attempts.outcomes, number][];
  return (
    <Stack gap="md">
      <Figures overview={overview} />
      <Charts overview={overview} />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Failing endpoints={overview.failingEndpoints} />
        <Stack gap="md">
          <Shares
            title={t('outcomes')}
            shares={outcomes.map(([name, count]) => ({
              name: t(`outcome.${name}`),
              count,
              tone: name === 'success' ? 'good' : 'bad',
            }))}
          />
          <Shares
            title={t('ended')}
            shares={[
              { name: kit('status.delivered'), count: ended.delivered, tone: 'good' },
              { name: kit('status.acknowledged'), count: ended.acknowledged, tone: 'good' },
              { name: kit('status.failed'), count: ended.failed, tone: 'bad' },
              { name: kit('status.cancelled'), count: ended.cancelled, tone: 'idle' },
              { name: kit('status.skipped'), count: ended.skipped, tone: 'idle' },
            ]}
          />
        </Stack>
      </SimpleGrid>
    </Stack>
  );
}

function Waiting() {
  return (
    <Stack aria-busy>
      <Skeleton height={92} />
      <Skeleton height={260} />
    </Stack>
  );
}
