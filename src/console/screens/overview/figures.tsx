import { useTranslation } from 'react-i18next';
import type { Overview } from '../../api/overview.ts';
import { count, percent } from '../../kit/number.ts';
import type { Tone } from '../../kit/status.tsx';
import { Tile, Tiles } from '../../kit/tile.tsx';
import { duration } from '../../kit/time.tsx';

const MINUTE = 60_000;
/** Below these, somebody should look. */
const GOOD_SHARE = 0.99;
const POOR_SHARE = 0.9;

export function Figures({ overview }: { overview: Overview }) {
  const { t, i18n } = useTranslation('overview');
  const { attempts, firstAttempts, latencyMs, timeToDeliveredMs, backlog } = overview;
  const shown = (value: number) => {
    const text = count(value, i18n.language);
    return backlog.isCapped ? t('capped', { most: text }) : text;
  };
  const percentiles = (of: Overview['latencyMs']) =>
    of === null ? '—' : t('percentiles', { p95: duration(of.p95), p99: duration(of.p99) });
  return (
    <Tiles label={t('title')}>
      <Tile
        name={t('success')}
        value={percent(attempts.successRate, i18n.language)}
        more={t('first', { rate: percent(firstAttempts.successRate, i18n.language) })}
        tone={toneOfShare(attempts.successRate)}
      />
      <Tile
        name={t('latency')}
        value={latencyMs === null ? '—' : duration(latencyMs.p50)}
        more={percentiles(latencyMs)}
      />
      <Tile
        name={t('reach')}
        value={timeToDeliveredMs === null ? '—' : duration(timeToDeliveredMs.p50)}
        more={percentiles(timeToDeliveredMs)}
      />
      <Tile
        name={t('backlog')}
        value={shown(backlog.due)}
        more={t('backlogRest', { waiting: shown(backlog.waiting), held: shown(backlog.held) })}
      />
      <Tile
        name={t('oldest')}
        value={backlog.oldestDueAgeMs === null ? '—' : duration(backlog.oldestDueAgeMs)}
        more={backlog.oldestDueAgeMs === null ? t('nothingDue') : t('oldestHint')}
        tone={toneOfAge(backlog.oldestDueAgeMs)}
      />
    </Tiles>
  );
}

function toneOfShare(share: number | null): Tone | undefined {
  if (share === null) return undefined;
  return share >= GOOD_SHARE ? 'good' : share >= POOR_SHARE ? 'wait' : 'bad';
}

function toneOfAge(ms: number | null): Tone {
  if (ms === null || ms < MINUTE) return 'good';
  return ms < 5 * MINUTE ? 'wait' : 'bad';
}
