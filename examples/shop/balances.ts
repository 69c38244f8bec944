import type pg from 'pg';
import type { Screen } from '../../src/demo/screen.ts';
import { pointsFor, STOCK } from './services.ts';

/** All books of the shop at one moment. */
export interface Balances {
  sellable: number;
  frozen: number;
  sold: number;
  points: number;
  addedAhead: number;
  orders: Record<string, number>;
  shipments: Record<string, number>;
}

export async function readBalances(pool: pg.Pool): Promise<Balances> {
  const { rows } = await pool.query<Balances>(`
    SELECT sellable, frozen, sold, points, added_ahead AS "addedAhead",
           (SELECT coalesce(json_object_agg(status, n), '{}') FROM (
              SELECT status, count(*)::int AS n FROM orders.orders GROUP BY 1 ORDER BY 1) AS o) AS orders,
           (SELECT coalesce(json_object_agg(status, n), '{}') FROM (
              SELECT status, count(*)::int AS n FROM shipping.shipment GROUP BY 1 ORDER BY 1) AS s)
             AS shipments
      FROM stock.stock CROSS JOIN points.account`);
  const [balances] = rows;
  if (balances === undefined) throw new Error('The books are gone.');
  return balances;
}

/** @throws Error when the books do not add up */
export function audit(balances: Balances): void {
  const { sellable, frozen, sold, points, addedAhead } = balances;
  if (sellable + frozen + sold !== STOCK) {
    throw new Error(`The stock does not add up: ${JSON.stringify(balances)}`);
  }
  if (points !== pointsFor(sold)) {
    throw new Error(`Points were given that nobody earned: ${JSON.stringify(balances)}`);
  }
  const isOpen = frozen > 0 || addedAhead > 0 || (balances.orders.DEALING ?? 0) > 0;
  if (isOpen) throw new Error(`Something was left frozen: ${JSON.stringify(balances)}`);
}

export function showBalances(screen: Screen, when: string, balances: Balances): void {
  const { sellable, frozen, sold, points, addedAhead } = balances;
  const counts = (states: Record<string, number>) =>
    Object.entries(states)
      .map(([status, n]) => `${n} ${status}`)
      .join(', ') || '–';
  const total = sellable + frozen + sold;
  screen.line(
    `    ${screen.paint('dim', when.padEnd(8))}stock ${sellable} + ${frozen} frozen + ${sold} sold = ${total}` +
      `   points ${points} + ${addedAhead} added ahead` +
      `   orders ${counts(balances.orders)}   shipments ${counts(balances.shipments)}`,
  );
}
