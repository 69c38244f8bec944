import type { NotifyProducer } from '../../api/notify-producer.ts';
import type { QueueRules } from '../../engine/rules/rules.ts';
import type { Preset, PutQueue } from './contract.ts';

export type Rules = Omit<QueueRules, 'queue' | 'version' | 'preset'> & {
  preset: Preset | null;
  notifyProducer: NotifyProducer | null;
};

/** The rules of a queue that says nothing else; the queue `default` is born with the same. */
const DEFAULT_RULES: Rules = {
  preset: null,
  ladderSeconds: [
    0, 15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21300,
  ],
  deadlineSeconds: 86_400,
  jitter: 0.1,
  timeoutMs: 15_000,
  success: { body: 'any' },
  supersede: false,
  maxInFlightPerEndpoint: 20,
  ratePerSecondPerEndpoint: null,
  concurrency: 200,
  notifyProducer: null,
};

/**
 * Ladders that receivers may know already. Their published delays count from the first attempt,
 * which goes out at once: hence the 0. All of their attempts fit into the default's day, the last one a minute
 * before its end: what was published as longer has its last delays shortened.
 */
const PRESETS: Record<Preset, Pick<Rules, 'ladderSeconds' | 'success'>> = {
  // Published: 15s 15s 30s 3m 10m 20m 30m 30m 30m 1h 3h 3h 3h 6h 6h, in all 24 h 4 min.
  wechatpay: {
    ladderSeconds: [
      0, 15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21300,
    ],
    success: { body: 'any' },
  },
  // Published: 4m 10m 10m 1h 2h 6h 15h, in all 24 h 24 min.
  alipay: {
    ladderSeconds: [0, 240, 600, 600, 3600, 7200, 21600, 52500],
    success: { body: { equals: 'success' } },
  },
  // Published: 5s 5m 30m 2h 5h 10h 14h 20h 24h, in all more than three days; from the hours on a third of it.
  'standard-webhooks': {
    ladderSeconds: [0, 5, 300, 1800, 2400, 5400, 11400, 15600, 22200, 27235],
    success: { body: 'any' },
  },
};

/** Given fields win over the preset, the preset over the defaults. */
export function completeRules(given: PutQueue): Rules {
  const rules: Rules = { ...DEFAULT_RULES, ...(given.preset && PRESETS[given.preset]) };
  const fields = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.assign(rules, Object.fromEntries(fields));
}
