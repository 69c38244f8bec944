import { Counter } from 'prom-client';
import { type Databases, POOL_NAMES } from '../../platform/db/databases.ts';
import { within } from '../../platform/time/within.ts';
import type { ReadBacklog } from '../overview/backlog.ts';
import { addGauge, type Metrics } from './metrics.ts';
import { readExpiringKeys, readOldestSnapshotSeconds, readReceivers } from './store.ts';

interface GaugeSources {
  version: string;
  databases: Databases;
  /** Wakes that were given up. */
  wakes: { readonly givenUp: number };
  readBacklog: ReadBacklog;
  /** The queues that this process takes deliveries from. */
  queues(): readonly string[];
}

/** A database that does not answer must not have the scrape wait, or the monitor sees nothing at all. */
const LOOK_MS = 3_000;

const NAMES = {
  backlog: 'postrider_backlog_deliveries',
  oldest: 'postrider_oldest_due_age_seconds',
  receivers: 'postrider_receivers',
};

/**
 * What is only looked up when somebody scrapes: the state of the database, of the pool, and of what
 * is given up. A database that is away costs the scrape these gauges alone, not the rest.
 */
export function addGauges({ registry, queueLabel }: Metrics, sources: GaugeSources): void {
  const { version, databases, wakes, readBacklog } = sources;
  let isUp = 1;
  const looked = (look: Promise<void>) =>
    within(LOOK_MS, look).then(
      () => {
        isUp = 1;
      },
      () => {
        isUp = 0;
      },
    );
  addGauge(
    registry,
    NAMES.backlog,
    'Pending deliveries: due, held back, or not yet due.',
    ['queue', 'state'],
    (set) =>
      looked(
        readBacklog(null).then((queues) => {
          for (const { queue, waiting, due, held } of queues) {
            const label = queueLabel(queue);
            set({ queue: label, state: 'due' }, due);
            set({ queue: label, state: 'held' }, held);
            set({ queue: label, state: 'later' }, waiting - due - held);
          }
        }),
      ),
  );
  addGauge(
    registry,
    NAMES.oldest,
    'Age of the oldest delivery that is due and that nothing holds back; 0: none is.',
    ['queue'],
    (set) =>
      looked(
        readBacklog(null).then((queues) => {
          for (const { queue, oldestDueAt, at } of queues) {
            const ageMs = oldestDueAt === null ? 0 : at.getTime() - oldestDueAt.getTime();
            set({ queue: queueLabel(queue) }, Math.max(0, ageMs) / 1000);
          }
        }),
      ),
  );
  addGauge(
    registry,
    NAMES.receivers,
    'Receivers that get nothing, or one attempt at a time.',
    ['state'],
    (set) =>
      looked(
        readReceivers(databases.background.prisma).then((counts) => {
          for (const [state, count] of Object.entries(counts)) set({ state }, count);
        }),
      ),
  );
  addGauge(
    registry,
    'postrider_keys_expiring',
    'Keys used within 30 days that end within 14.',
    ['role'],
    (set) =>
      looked(
        readExpiringKeys(databases.background.prisma).then((counts) => {
          for (const [role, count] of Object.entries(counts)) set({ role }, count);
        }),
      ),
  );
  addGauge(
    registry,
    'postrider_oldest_snapshot_seconds',
    'How long somebody has held a snapshot of this database: what dies meanwhile cannot be forgotten.',
    [],
    (set) =>
      looked(
        readOldestSnapshotSeconds(databases.background.prisma).then((seconds) => set({}, seconds)),
      ),
  );
  addGauge(registry, 'postrider_database_up', 'Whether the database answers.', [], async (set) => {
    await looked(readBacklog(null).then(() => {}));
    set({}, isUp);
  });
  addGauge(
    registry,
    'postrider_pg_pool_connections',
    'Connections to PostgreSQL.',
    ['pool', 'state'],
    (set) => {
      for (const pool of POOL_NAMES) {
        const { totalCount, idleCount } = databases[pool].pool;
        set({ pool, state: 'idle' }, idleCount);
        set({ pool, state: 'busy' }, totalCount - idleCount);
      }
    },
  );
  addGauge(
    registry,
    'postrider_pg_pool_waiting',
    'Who waits for a connection to PostgreSQL.',
    ['pool'],
    (set) => {
      for (const pool of POOL_NAMES) set({ pool }, databases[pool].pool.waitingCount);
    },
  );
  addGauge(
    registry,
    'postrider_worker_queues',
    'Queues that this process takes deliveries from.',
    [],
    (set) => set({}, sources.queues().length),
  );
  addGauge(
    registry,
    'postrider_build_info',
    'Always 1; the version is in the labels.',
    ['version', 'node'],
    (set) => set({ version, node: process.version }, 1),
  );
  new Counter({
    name: 'postrider_wakes_given_up_total',
    help: 'Wakes that the timers did not take; the sweep finds what they were for.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(wakes.givenUp);
    },
  });
}
