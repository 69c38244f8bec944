import type pg from 'pg';
import type { Screen } from '../../src/demo/screen.ts';
import type { OrderPayload } from './participant.ts';
import { POINTS, pointsFor, STOCK } from './services.ts';

/** What each service holds, as far as one order is concerned. */
export interface Balances {
  order: string;
  sellable: number;
  frozen: number;
  points: number;
  preAdded: number;
  /** null: there is none. */
  shipment: string | null;
}

/** Lays an order on the table: unpaid, of a member with the usual points, before a full shelf. */
export async function placeOrder(pool: pg.Pool, order: OrderPayload): Promise<void> {
  const { orderId, quantity, member } = order;
  await pool.query("INSERT INTO orders.orders VALUES ($1, $2, 'UNPAID')", [orderId, quantity]);
  await pool.query('INSERT INTO points.account VALUES ($1, $2, 0)', [member, POINTS]);
  await pool.query('UPDATE stock.stock SET sellable = $1', [STOCK]);
}

export async function readBalances(
  pool: pg.Pool,
  { orderId, member }: OrderPayload,
): Promise<Balances> {
  const { rows } = await pool.query<Balances>(
    `SELECT o.status AS "order", sellable, frozen, points, pre_added AS "preAdded", s.status AS shipment
       FROM orders.orders AS o CROSS JOIN stock.stock JOIN points.account ON member = $2
       LEFT JOIN shipping.shipment AS s ON s.order_id = o.id
      WHERE o.id = $1`,
    [orderId, member],
  );
  const [balances] = rows;
  if (balances === undefined) throw new Error(`The books of ${orderId} are gone.`);
  return balances;
}

/** @throws Error unless an order that is over has changed everything, or nothing */
export function audit(balances: Balances, { quantity }: OrderPayload): void {
  const isPaid = balances.order === 'PAID';
  const expected: Balances = {
    order: isPaid ? 'PAID' : 'UNPAID',
    sellable: isPaid ? STOCK - quantity : STOCK,
    frozen: 0,
    points: isPaid ? POINTS + pointsFor(quantity) : POINTS,
    preAdded: 0,
    // A cancel that comes without its try leaves none.
    shipment: isPaid ? 'CREATED' : balances.shipment && 'CANCELED',
  };
  for (const [name, value] of Object.entries(expected)) {
    const held = balances[name as keyof Balances];
    if (held !== value) throw new Error(`After the order ${name} is ${held}, not ${value}.`);
  }
}

const WIDTHS = [16, 10, 17, 22] as const;

export function showServices(screen: Screen): void {
  const names = ['', 'orders', 'stock', 'points', 'shipping'];
  screen.line(`    ${screen.paint('dim', columns(names))}`);
}

export function showBalances(screen: Screen, when: string, balances: Balances): void {
  const { order, sellable, frozen, points, preAdded, shipment } = balances;
  const held = [
    order,
    `${sellable} + ${frozen} frozen`,
    `${points} + ${preAdded} pre-added`,
    shipment ?? '–',
  ];
  screen.line(`    ${columns([when, ...held])}`);
}

function columns(texts: string[]): string {
  return texts.map((text, index) => text.padEnd(WIDTHS[index] ?? 0)).join('');
}
