import { SimpleGrid } from '@mantine/core';
import { useCallback, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Overview } from '../../api/overview.ts';
import { count } from '../../kit/number.ts';
import { duration } from '../../kit/time.tsx';
import { Chart, type Line } from './chart.tsx';

/** What was sent and how it went, and how long receivers took. */
export function Charts({ overview }: { overview: Overview }) {
  const { t, i18n } = useTranslation('overview');
  const { series, window, attempts, latencyMs } = overview;
  const at = useMemo(() => series.map((bucket) => Date.parse(bucket.at)), [series]);
  const number = useCallback((value: number) => count(value, i18n.language), [i18n.language]);
  const how = useMemo((): Line[] => {
    const failed = series.map((bucket) => bucket.attempts - bucket.succeeded);
    const bars = { isBar: true, stroke: '--line' };
    return [
      {
        // Its bar is as high as both together; the next one is drawn over it.
        ...bars,
        label: t('failed'),
        fill: '--chart-bad',
        values: series.map((bucket) => bucket.attempts),
        legend: (_value, index) => (index === null ? '—' : number(failed[index] ?? 0)),
      },
      {
        ...bars,
        label: t('succeeded'),
        fill: '--chart-good',
        values: series.map((bucket) => bucket.succeeded),
      },
    ];
  }, [series, t, number]);
  const quickness = useMemo(
    (): Line[] => [
      {
        label: t('p95'),
        stroke: '--chart-slow',
        values: series.map((bucket) => bucket.latencyMs?.p95 ?? null),
      },
      {
        label: t('p50'),
        stroke: '--chart-good',
        values: series.map((bucket) => bucket.latencyMs?.p50 ?? null),
      },
    ],
    [series, t],
  );
  const summary = (what: string, text: string) =>
    t('chartLabel', { what, window: t(`window.${window}`), summary: text });
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
      <Chart
        title={t('attemptsChart')}
        summary={summary(
          t('attemptsChart'),
          t('attemptsSummary', {
            count: attempts.count,
            failed: number(attempts.count - attempts.succeeded),
          }),
        )}
        at={at}
        lines={how}
        format={number}
      />
      <Chart
        title={t('latencyChart')}
        summary={summary(
          t('latencyChart'),
          latencyMs === null ? '—' : `${t('p50')} ${duration(latencyMs.p50)}`,
        )}
        at={at}
        lines={quickness}
        format={duration}
      />
    </SimpleGrid>
  );
}
