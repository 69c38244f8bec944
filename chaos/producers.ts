import { setTimeout as pause } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { until } from '../test/support/until.ts';
import { percentile } from './figures.ts';

/** One HTTP call of a client, whatever came of it. */
export interface Call {
  /** When it began, `performance.now()`. */
  at: number;
  ms: number;
  /** null: no answer at all. */
  status: number | null;
}

/** Clients that send one notification after the other, and each again until they are told it is in. */
export interface Producers {
  readonly calls: readonly Call[];
  /** What they were told: business key → notification id. */
  readonly told: ReadonlyMap<string, string>;
  /** Answers that are neither a yes nor an orderly "not now": status and beginning of the body. */
  readonly improper: readonly string[];
  /** Begins no new notification; resolves when all that were begun are in. */
  stop(): Promise<void>;
  /** Repeats nothing any more either: for a run that has failed. */
  abandon(): Promise<void>;
  /** Resolves when `count` are in. */
  readonly done: Promise<void>;
}

export interface ProducerOptions {
  /** Asked before each call: the gateway may come back elsewhere. */
  url(): string;
  key: string;
  merchantId: string;
  /** Types go round: `kind.0` … */
  kinds: number;
  /** Business keys are `<name>-<n>`. */
  name: string;
  perSecond: number;
  count: number;
  /** How a repeat is known for one: by the event's id, or by the header. */
  repeats: 'event-id' | 'idempotency-key';
}

const MOST_AT_ONCE = 200;
const NO_ANSWER_PAUSE_MS = 250;
const CALL_LIMIT_MS = 40_000;

export function startProducers(options: ProducerOptions): Producers {
  const agent = new Agent({ connections: MOST_AT_ONCE, keepAliveTimeout: 4_000 });
  const calls: Call[] = [];
  const told = new Map<string, string>();
  const improper: string[] = [];
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();
  let abandoned = false;

  async function send(n: number): Promise<void> {
    const businessKey = `${options.name}-${n}`;
    const body = JSON.stringify({
      merchantId: options.merchantId,
      type: `kind.${n % options.kinds}`,
      businessKey,
      payload: { n },
      ...(options.repeats === 'event-id' && { eventId: businessKey }),
    });
    while (!abandoned) {
      const waitMs = await call(businessKey, body);
      if (waitMs === null) return;
      await pause(waitMs);
    }
  }

  /** @returns null when it is in, else how long to wait before the next try */
  async function call(businessKey: string, body: string): Promise<number | null> {
    const at = performance.now();
    const note = (status: number | null) => {
      calls.push({ at, ms: performance.now() - at, status });
    };
    try {
      const answer = await request(`${options.url()}/v1/notifications`, {
        method: 'POST',
        dispatcher: agent,
        body,
        headersTimeout: CALL_LIMIT_MS,
        headers: {
          authorization: `Bearer ${options.key}`,
          'content-type': 'application/json',
          ...(options.repeats === 'idempotency-key' && { 'idempotency-key': businessKey }),
        },
      });
      const text = await answer.body.text();
      note(answer.statusCode);
      if (answer.statusCode === 202 || answer.statusCode === 200) {
        told.set(businessKey, JSON.parse(text).id);
        return null;
      }
      const retryAfter = Number(answer.headers['retry-after']);
      const isOrderly =
        (answer.statusCode === 503 || answer.statusCode === 409) &&
        answer.headers['content-type']?.toString().startsWith('application/problem+json') &&
        retryAfter > 0;
      if (!isOrderly) improper.push(`${answer.statusCode} ${text.slice(0, 200)}`);
      return isOrderly ? retryAfter * 1000 : 1000;
    } catch {
      note(null);
      return NO_ANSWER_PAUSE_MS;
    }
  }

  async function runAll(): Promise<void> {
    const startedAt = performance.now();
    for (let n = 0; n < options.count && !stopping.signal.aborted; n += 1) {
      const earlyMs = startedAt + (n * 1000) / options.perSecond - performance.now();
      if (earlyMs > 1) await pause(earlyMs);
      while (underWay.size >= MOST_AT_ONCE) await Promise.race(underWay);
      const sent: Promise<void> = send(n).finally(() => underWay.delete(sent));
      underWay.add(sent);
    }
    await Promise.all(underWay);
    await agent.close();
  }

  const done = runAll();
  return {
    calls,
    told,
    improper,
    done,
    stop() {
      stopping.abort();
      return done;
    },
    abandon() {
      abandoned = true;
      stopping.abort();
      return done;
    },
  };
}

const SECOND = 1000;
/** Long enough to see that a limit was not kept, and by how much. */
const PATIENCE_MS = 90 * SECOND;

/** Waits for a call to be accepted that began after `from` (`performance.now()`). @returns the seconds it took */
export async function acceptedAgain({ calls }: Producers, from: number): Promise<number> {
  const accepted = () => calls.find((call) => call.at >= from && isAccepted(call));
  await until(accepted, { timeoutMs: PATIENCE_MS }).catch(() => {});
  const { at, ms } = accepted() ?? { at: Number.POSITIVE_INFINITY, ms: 0 };
  return (at + ms - from) / SECOND;
}

export function isAccepted({ status }: Call): boolean {
  return status === 202 || status === 200;
}

/** Of calls that were told yes at once; p99 in ms of those. */
export function intakeOf(calls: readonly Call[]): {
  intakePercent: number | null;
  p99Ms: number | null;
} {
  if (calls.length === 0) return { intakePercent: null, p99Ms: null };
  const good = calls.filter(isAccepted);
  return {
    intakePercent: (100 * good.length) / calls.length,
    p99Ms: percentile(
      good.map(({ ms }) => ms),
      0.99,
    ),
  };
}
