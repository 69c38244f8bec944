import { TryRefused } from '../../src/fence/index.ts';
import type { ServiceDefinition } from './participant.ts';

/** What the shelf holds when the shop opens. */
export const STOCK = 100;
const POINTS_A_PIECE = 2;

/** An order exists from its try on, as DEALING: customers see that something is going on. */
const orders: ServiceDefinition = {
  name: 'orders',
  tables: 'CREATE TABLE orders (id text PRIMARY KEY, quantity int NOT NULL, status text NOT NULL)',
  try: (tx, { orderId, quantity }) =>
    tx.query("INSERT INTO orders VALUES ($1, $2, 'DEALING')", [orderId, quantity]),
  confirm: (tx, { orderId }) =>
    tx.query("UPDATE orders SET status = 'DONE' WHERE id = $1", [orderId]),
  cancel: (tx, { orderId }) =>
    tx.query("UPDATE orders SET status = 'CANCELLED' WHERE id = $1", [orderId]),
};

/** Stock is frozen first: nobody else can sell it, and it is not sold yet. */
const stock: ServiceDefinition = {
  name: 'stock',
  tables: `CREATE TABLE stock (sellable int NOT NULL CHECK (sellable >= 0),
      frozen int NOT NULL CHECK (frozen >= 0), sold int NOT NULL);
    INSERT INTO stock VALUES (${STOCK}, 0, 0)`,
  async try(tx, { quantity }) {
    const { rowCount } = await tx.query(
      'UPDATE stock SET sellable = sellable - $1, frozen = frozen + $1 WHERE sellable >= $1',
      [quantity],
    );
    if (rowCount === 0) throw new TryRefused('out_of_stock');
  },
  confirm: (tx, { quantity }) =>
    tx.query('UPDATE stock SET frozen = frozen - $1, sold = sold + $1', [quantity]),
  cancel: (tx, { quantity }) =>
    tx.query('UPDATE stock SET frozen = frozen - $1, sellable = sellable + $1', [quantity]),
};

/** Points are added ahead, where the customer cannot spend them, and given at the end. */
const points: ServiceDefinition = {
  name: 'points',
  tables: `CREATE TABLE account (points int NOT NULL, added_ahead int NOT NULL CHECK (added_ahead >= 0));
    INSERT INTO account VALUES (0, 0)`,
  try: (tx, { quantity }) =>
    tx.query('UPDATE account SET added_ahead = added_ahead + $1', [quantity * POINTS_A_PIECE]),
  confirm: (tx, { quantity }) =>
    tx.query('UPDATE account SET added_ahead = added_ahead - $1, points = points + $1', [
      quantity * POINTS_A_PIECE,
    ]),
  cancel: (tx, { quantity }) =>
    tx.query('UPDATE account SET added_ahead = added_ahead - $1', [quantity * POINTS_A_PIECE]),
};

const shipping: ServiceDefinition = {
  name: 'shipping',
  tables: 'CREATE TABLE shipment (order_id text PRIMARY KEY, status text NOT NULL)',
  try: (tx, { orderId }) => tx.query("INSERT INTO shipment VALUES ($1, 'PLANNED')", [orderId]),
  confirm: (tx, { orderId }) =>
    tx.query("UPDATE shipment SET status = 'READY' WHERE order_id = $1", [orderId]),
  cancel: (tx, { orderId }) =>
    tx.query("UPDATE shipment SET status = 'VOID' WHERE order_id = $1", [orderId]),
};

/** In the order in which they are confirmed: an order is DEALING until all the others are done. */
export const SERVICES = [stock, points, shipping, orders];

/** The points that come with so many pieces sold. */
export function pointsFor(sold: number): number {
  return sold * POINTS_A_PIECE;
}
