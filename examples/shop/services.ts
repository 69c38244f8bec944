import { TryRefused } from '../../src/fence/index.ts';
import type { ServiceDefinition } from './participant.ts';

/** What the shelf holds before each order. */
export const STOCK = 100;
/** What each member has before the first order. */
export const POINTS = 1190;
const POINTS_A_PIECE = 20;

/** Paying takes an order through DEALING: customers see that something is going on. */
const orders: ServiceDefinition = {
  name: 'orders',
  tables: 'CREATE TABLE orders (id text PRIMARY KEY, quantity int NOT NULL, status text NOT NULL)',
  async try(tx, { orderId }) {
    const { rowCount } = await tx.query(
      "UPDATE orders SET status = 'DEALING' WHERE id = $1 AND status = 'UNPAID'",
      [orderId],
    );
    if (rowCount === 0) throw new TryRefused('not_payable');
  },
  confirm: (tx, { orderId }) =>
    tx.query("UPDATE orders SET status = 'PAID' WHERE id = $1", [orderId]),
  cancel: (tx, { orderId }) =>
    tx.query("UPDATE orders SET status = 'UNPAID' WHERE id = $1", [orderId]),
};

/** Stock is frozen first: nobody else can sell it, and it is not sold yet. */
const stock: ServiceDefinition = {
  name: 'stock',
  tables: `CREATE TABLE stock (sellable int NOT NULL CHECK (sellable >= 0),
      frozen int NOT NULL CHECK (frozen >= 0));
    INSERT INTO stock VALUES (0, 0)`,
  async try(tx, { quantity }) {
    const { rowCount } = await tx.query(
      'UPDATE stock SET sellable = sellable - $1, frozen = frozen + $1 WHERE sellable >= $1',
      [quantity],
    );
    if (rowCount === 0) throw new TryRefused('out_of_stock');
  },
  confirm: (tx, { quantity }) => tx.query('UPDATE stock SET frozen = frozen - $1', [quantity]),
  cancel: (tx, { quantity }) =>
    tx.query('UPDATE stock SET frozen = frozen - $1, sellable = sellable + $1', [quantity]),
};

/** Points are added ahead, where the member cannot spend them, and given at the end. */
const points: ServiceDefinition = {
  name: 'points',
  tables: `CREATE TABLE account (member text PRIMARY KEY, points int NOT NULL,
      pre_added int NOT NULL CHECK (pre_added >= 0))`,
  try: (tx, { member, quantity }) =>
    tx.query('UPDATE account SET pre_added = pre_added + $2 WHERE member = $1', [
      member,
      pointsFor(quantity),
    ]),
  confirm: (tx, { member, quantity }) =>
    tx.query(
      'UPDATE account SET pre_added = pre_added - $2, points = points + $2 WHERE member = $1',
      [member, pointsFor(quantity)],
    ),
  cancel: (tx, { member, quantity }) =>
    tx.query('UPDATE account SET pre_added = pre_added - $2 WHERE member = $1', [
      member,
      pointsFor(quantity),
    ]),
};

/** A delivery note that nobody acts on while it is UNKNOWN. */
const shipping: ServiceDefinition = {
  name: 'shipping',
  tables: 'CREATE TABLE shipment (order_id text PRIMARY KEY, status text NOT NULL)',
  try: (tx, { orderId }) => tx.query("INSERT INTO shipment VALUES ($1, 'UNKNOWN')", [orderId]),
  confirm: (tx, { orderId }) =>
    tx.query("UPDATE shipment SET status = 'CREATED' WHERE order_id = $1", [orderId]),
  cancel: (tx, { orderId }) =>
    tx.query("UPDATE shipment SET status = 'CANCELED' WHERE order_id = $1", [orderId]),
};

/** In the order in which they are confirmed: an order is DEALING until all the others are done. */
export const SERVICES = [stock, points, shipping, orders];

/** The points that come with so many pieces. */
export function pointsFor(quantity: number): number {
  return quantity * POINTS_A_PIECE;
}
