import { percentile } from '../figures.ts';
import { type Call, isAccepted, type Producers } from '../producers.ts';
import type { Scene } from '../scene.ts';
import type { Limit, Measure, Point } from './measure.ts';
import { type Buckets, type Held, heldBy, quantileBetween } from './process-measures.ts';
import { type Stored, stored } from './table-measures.ts';

const SECOND = 1000;
const KIB = 1024;
const MIB = KIB * KIB;

/** Clients keep more connections after a slow moment. */
const DESCRIPTORS: Limit = { share: 0.1, by: 25, floor: true };
const MEMORY: Limit = { share: 0.1, by: 15, floor: true };
const WAITING: Limit = { share: 0.5, by: 50, floor: true };
/** Autovacuum comes when a fifth of a table is dead, and once a minute at most. */
const DEAD: Limit = { share: 0.5, by: 0.25, most: 1 };
/** A table with fewer rows may have as many dead ones, and none alive. */
const SMALL_TABLE = 20_000;

/** Tables that change less are not hot. */
const FEWEST_CHANGES = 5_000;

/** One look at everything. */
interface Look {
  atS: number;
  held: Held[];
  stored: Stored;
}

/** All that is measured in a soak. */
export interface Sampler {
  /** @throws where one of the processes or the database does not answer */
  look(): Promise<void>;
  measures(): Measure[];
}

export function createSampler(scene: Scene, producers: readonly Producers[]): Sampler {
  const measures = new Map<string, Omit<Measure, 'points'> & { points: Point[] }>();
  const seen = new Map<Producers, number>();
  const startedAt = performance.now();
  let before: Look | null = null;

  function add(atS: number, name: string, unit: string, value: number, limit: Limit | null): void {
    const measure = measures.get(name) ?? { name, unit, limit, points: [] };
    measures.set(name, measure);
    if (Number.isFinite(value)) measure.points.push({ atS, value });
  }

  function addProcess(atS: number, n: number, { rssMib, heapMib, descriptors }: Held): void {
    add(atS, `process ${n}: memory`, 'MiB', rssMib, MEMORY);
    add(atS, `process ${n}: heap`, 'MiB', heapMib, MEMORY);
    add(atS, `process ${n}: descriptors`, '', descriptors, DESCRIPTORS);
  }

  /** Those that have ended since the last time. */
  function newCalls(): Call[] {
    return producers.flatMap((each) => {
      const from = seen.get(each) ?? 0;
      seen.set(each, each.calls.length);
      return each.calls.slice(from);
    });
  }

  function addSince(earlier: Look, { atS, held, stored: now }: Look, calls: readonly Call[]): void {
    const accepted = calls.filter(isAccepted);
    const took = accepted.map(({ ms }) => ms);
    add(atS, 'intake p99', 'ms', percentile(took, 0.99), WAITING);
    const lateS = quantileBetween(earlier.held.map(latenessOf), held.map(latenessOf), 0.99);
    add(atS, 'due to attempt p99', 'ms', lateS * SECOND, WAITING);
    const walKib = (now.walBytes - earlier.stored.walBytes) / KIB;
    add(atS, 'WAL a notification', 'KiB', walKib / accepted.length, null);
    add(atS, 'accepted', '/s', accepted.length / (atS - earlier.atS), null);
  }

  function addTables(atS: number, { bytes, tables }: Stored): void {
    add(atS, 'database', 'MiB', bytes / MIB, null);
    for (const [name, { live, dead, bytes: own }] of tables) {
      add(atS, `${name}: live`, 'rows', live, null);
      add(atS, `${name}: dead`, 'rows', dead, null);
      add(atS, `${name}: dead share`, '', dead / (live + SMALL_TABLE), DEAD);
      add(atS, `${name}: size`, 'MiB', own / MIB, null);
    }
  }

  return {
    async look() {
      const [held, now] = await Promise.all([
        Promise.all(scene.actors().map(heldBy)),
        stored(scene),
      ]);
      const look = { atS: (performance.now() - startedAt) / SECOND, held, stored: now };
      held.forEach((each, n) => {
        addProcess(look.atS, n + 1, each);
      });
      addTables(look.atS, now);
      const calls = newCalls();
      if (before !== null) addSince(before, look, calls);
      before = look;
    },
    // Which tables are hot shows at the end; their points are from the beginning.
    measures() {
      const tables = [...(before?.stored.tables ?? [])];
      const cold = tables.filter(([, { changes }]) => changes < FEWEST_CHANGES);
      const isCold = (name: string) => cold.some(([table]) => name.startsWith(`${table}: `));
      return [...measures.values()].filter(({ name }) => !isCold(name));
    },
  };
}

function latenessOf({ lateness }: Held): Buckets {
  return lateness;
}
