import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { Overload, Problem, SHED_REASONS, type ShedReason } from '../../api/problem.ts';

/** What a scrape is answered with. */
export interface Scrape {
  type: string;
  text: string;
}

export interface Metrics {
  registry: Registry;
  /** Told of by the engine: attempts, what the sweep finds. */
  engine: {
    attempt(report: AttemptSeen): void;
    swept(found: 'lost_attempt' | 'deadline_passed', count: number): void;
  };
  /** An answer of the API. @param route the path's template; null: none was found */
  answered(route: string | null, method: string, status: number, durationMs: number): void;
  /** Counts and times what is offered to a function that accepts. */
  intake<Offer, Accepted extends { status: number }>(
    accept: (offer: Offer) => Promise<Accepted>,
  ): (offer: Offer) => Promise<Accepted>;
  alert(type: string): void;
  /** A call that was not done for want of time or memory. */
  shed(reason: ShedReason): void;
  /** A queue's name, as long as there are not too many of them. */
  queueLabel(queue: string): string;
  scrape(): Promise<Scrape>;
}

/** As the engine reports it: only what is counted. */
interface AttemptSeen {
  delivery: { queue: string; dueMs: number | null };
  entry: { outcome: string; durationMs: number | null; startedAtMs: number };
}

const MOST_QUEUES = 200;
const MOST_ALERTS = 50;
const OTHER = 'other';
/** Of requests for which there is no route: their paths are the caller's invention. */
const NO_ROUTE = 'none';
const ATTEMPT_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60];
const LATE_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1800, 7200];
const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15];

/**
 * The counters of one gateway, in a registry of its own: several gateways live in one process in
 * tests. Labels are bounded: outcomes, route templates and classes of statuses are few by themselves,
 * queues and types of alerts beyond a number become `other`.
 */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const attempts = new Counter({
    name: 'postrider_attempts_total',
    help: 'Attempts that have ended, by how.',
    labelNames: ['queue', 'outcome'],
    registers,
  });
  const attemptSeconds = new Histogram({
    name: 'postrider_attempt_duration_seconds',
    help: 'From the start of an attempt to its end.',
    labelNames: ['queue'],
    buckets: ATTEMPT_SECONDS,
    registers,
  });
  const lateSeconds = new Histogram({
    name: 'postrider_attempt_lateness_seconds',
    help: 'From when an attempt was due to its start; waiting for limits, pauses and circuits is in it.',
    labelNames: ['queue'],
    buckets: LATE_SECONDS,
    registers,
  });
  const swept = new Counter({
    name: 'postrider_sweep_found_total',
    help: 'What the sweep had to end: attempts whose worker was lost, deliveries past their deadline.',
    labelNames: ['what'],
    registers,
  });
  const offered = new Counter({
    name: 'postrider_intake_total',
    help: 'Notifications offered: accepted, repeated (an event known already), refused, shed, failed.',
    labelNames: ['answer'],
    registers,
  });
  const intakeSeconds = new Histogram({
    name: 'postrider_intake_duration_seconds',
    help: 'From a valid offer to the commit of its rows.',
    buckets: REQUEST_SECONDS,
    registers,
  });
  const requestSeconds = new Histogram({
    name: 'postrider_http_request_duration_seconds',
    help: 'Requests to the API, by the template of their path.',
    labelNames: ['route', 'method', 'status_class'],
    buckets: REQUEST_SECONDS,
    registers,
  });
  const alerts = new Counter({
    name: 'postrider_alerts_total',
    help: 'Alerts raised for the operators.',
    labelNames: ['type'],
    registers,
  });
  const sheds = new Counter({
    name: 'postrider_calls_shed_total',
    help: 'Calls not done: more than can be done now, too late, too slow, no memory for them, or nobody waits any more.',
    labelNames: ['reason'],
    registers,
  });
  // From the start, so that a rate sees the first one.
  for (const what of ['lost_attempt', 'deadline_passed']) swept.inc({ what }, 0);
  for (const answer of ANSWERS) offered.inc({ answer }, 0);
  // Looked up once: these come by the thousand when there is no time.
  const shedBy = Object.fromEntries(
    SHED_REASONS.map((reason) => [reason, sheds.labels(reason)]),
  ) as Record<ShedReason, Counter.Internal>;
  for (const counter of Object.values(shedBy)) counter.inc(0);
  const queueLabel = bounded(MOST_QUEUES);
  const alertLabel = bounded(MOST_ALERTS);

  return {
    registry,
    queueLabel,
    engine: {
      attempt({ delivery, entry }) {
        const queue = queueLabel(delivery.queue);
        attempts.labels(queue, entry.outcome).inc();
        if (entry.durationMs !== null)
          attemptSeconds.labels(queue).observe(entry.durationMs / 1000);
        if (delivery.dueMs === null) return;
        lateSeconds.labels(queue).observe(Math.max(0, entry.startedAtMs - delivery.dueMs) / 1000);
      },
      swept(what, count) {
        if (count > 0) swept.inc({ what }, count);
      },
    },
    answered(route, method, status, durationMs) {
      const labels = [route ?? NO_ROUTE, method, `${Math.floor(status / 100)}xx`];
      requestSeconds.labels(...labels).observe(durationMs / 1000);
    },
    intake(accept) {
      return async (offer) => {
        const beganAt = performance.now();
        try {
          const accepted = await accept(offer);
          offered.inc({ answer: accepted.status === 202 ? 'accepted' : 'repeated' });
          intakeSeconds.observe((performance.now() - beganAt) / 1000);
          return accepted;
        } catch (error) {
          offered.inc({ answer: answerOf(error) });
          throw error;
        }
      };
    },
    shed: (reason) => shedBy[reason].inc(),
    alert: (type) => alerts.inc({ type: alertLabel(type) }),
    scrape: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  };
}

const ANSWERS = ['accepted', 'repeated', 'refused', 'shed', 'failed'] as const;

function answerOf(error: unknown): (typeof ANSWERS)[number] {
  if (error instanceof Overload) return 'shed';
  return error instanceof Problem && error.status < 500 ? 'refused' : 'failed';
}

/** The first so many names pass, all others are one. */
function bounded(most: number): (name: string) => string {
  const known = new Set<string>();
  return (name) => {
    if (known.has(name)) return name;
    if (known.size >= most) return OTHER;
    known.add(name);
    return name;
  };
}

/** A gauge that is looked up when it is asked for. */
export function addGauge(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[],
  look: (set: (labels: Record<string, string>, value: number) => void) => Promise<void> | void,
): void {
  new Gauge({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    async collect() {
      this.reset();
      await look((labels, value) => this.set(labels, value));
    },
  });
}
