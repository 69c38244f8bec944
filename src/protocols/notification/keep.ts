import type { Floors } from '../../engine/store/floors.ts';
import type { Wake } from '../../engine/timers/wake-queue.ts';
import type { Database, Sql } from '../../platform/db/client.ts';
import { tellProducers } from './callbacks.ts';
import type { Planned } from './fan-out.ts';
import { type Inserted, insertNotifications } from './store/insert.ts';
import { supersede, takeTurns } from './supersede.ts';

/** What was stored, by notification id, and what its commit brings beside it. */
export interface Stored {
  inserted: Map<string, Inserted>;
  wakes: Wake[];
}

/**
 * Stores planned notifications. Mostly by one statement; in a transaction where a higher version makes
 * others worthless, or a producer hears of deliveries that end as they are made.
 */
export async function storePlanned(
  direct: Database['direct'],
  floors: Floors,
  planned: Planned[],
): Promise<Stored> {
  if (planned.length === 0) return { inserted: new Map(), wakes: [] };
  const rows = planned.map((each) => each.row);
  const superseding = planned.filter((each) => each.supersedesIn.length > 0);
  if (superseding.length === 0 && bornEnded(planned).length === 0) {
    return { inserted: await insertNotifications(direct.sql, rows, floors), wakes: [] };
  }
  return direct.transaction(async (tx) => {
    if (superseding.length > 0) await takeTurns(tx, superseding);
    const inserted = await insertNotifications(tx, rows, floors);
    const after = await supersede(tx, superseding, inserted);
    const born = await tellOfBorn(tx, planned, inserted);
    const wakes = [...born, ...(await tellProducers(tx, after.superseded))];
    return { inserted: after.inserted, wakes };
  });
}

/** Tells producers of deliveries to nobody, which end as they are made. @returns what to wake after the commit */
export function tellOfBorn(
  tx: Sql,
  planned: readonly Planned[],
  inserted: ReadonlyMap<string, Inserted>,
): Promise<Wake[]> {
  return tellProducers(tx, bornEnded(planned.filter(({ row }) => inserted.has(row.id))));
}

function bornEnded(planned: readonly Planned[]): string[] {
  return planned
    .filter(({ isTold }) => isTold)
    .flatMap(({ row }) => row.deliveries)
    .filter(({ receiverId }) => receiverId === null)
    .map(({ id }) => id);
}
