import type { Screen } from '../../src/demo/screen.ts';
import type { TransactionView } from '../../src/protocols/tcc/contract.ts';
import { audit, placeOrder, readBalances, showBalances, showServices } from './balances.ts';
import type { Fate, OrderPayload } from './participant.ts';
import type { Stage } from './stage.ts';
import { signalled, waitFor } from './wait.ts';

/** The transaction is over long before; how long a machine under load may take for its tries. */
const TIMEOUT_SECONDS = 600;

/** One order, from the moment it is paid. */
interface Scene {
  title: string;
  quantity: number;
  /** Of the network and the services, before anything is called. */
  prepare?(): void;
  /** What happens between the first call and the end. */
  play?(gid: string, show: (when: string) => Promise<void>): Promise<void>;
}

/** Orders that are paid, and what becomes of them. @throws Error when the books are wrong after one */
export async function tell(stage: Stage, screen: Screen, signal: AbortSignal): Promise<void> {
  const { pool } = stage.service('stock');
  const wait = (gid: string, what: string, isSo: (transaction: TransactionView) => boolean) =>
    waitFor(
      `transaction ${gid} to be ${what}`,
      () => stage.producer<TransactionView>('GET', `/v1/transactions/${gid}`),
      isSo,
      signal,
    );
  const has = (gid: string, status: string) =>
    wait(gid, status, (transaction) => transaction.status === status);
  let scenes = 0;

  const heading = (title: string) => {
    scenes += 1;
    screen.line(`  ${screen.paint('bold', `${scenes}. ${title}`)}`);
    showServices(screen);
  };
  const showing = (order: OrderPayload) => async (when: string) =>
    showBalances(screen, when, await readBalances(pool, order));

  async function scene({ title, quantity, prepare, play }: Scene): Promise<OrderPayload> {
    heading(title);
    const order = { orderId: `ORDER-${scenes}`, member: `MEMBER-${scenes}`, quantity };
    const show = showing(order);
    await placeOrder(pool, order);
    await show('before');
    for (const service of stage.services) {
      service.log.length = 0;
      service.weather(() => 'pass');
    }
    prepare?.();
    const gid = await begin(stage, order);
    await play?.(gid, show);
    const { decision, cause } = await wait(gid, 'over', isOver);
    await show(`after ${decision}`);
    const why = cause === null ? '' : ` (${cause})`;
    screen.line(`    ${screen.paint('dim', 'decided'.padEnd(10))}${decision}${why}`);
    for (const { name, log } of stage.services) {
      screen.line(`    ${screen.paint('dim', name.padEnd(10))}${log.join(' → ')}`);
    }
    screen.line();
    audit(await readBalances(pool, order), order);
    return order;
  }

  const [stock, points] = [stage.service('stock'), stage.service('points')];
  const [shipping, orders] = [stage.service('shipping'), stage.service('orders')];
  const seen = { confirmed: signalled(), cancelled: signalled(), tried: signalled() };

  await scene({
    title: 'Five pieces are paid',
    quantity: 5,
    prepare: () =>
      stock.weather(async (op): Promise<Fate> => {
        // Only so that there is time to look at the books.
        if (op === 'confirm') await seen.confirmed.promise;
        return 'pass';
      }),
    async play(gid, show) {
      await has(gid, 'confirming');
      await show('after try');
      seen.confirmed.now();
    },
  });

  await scene({
    title: 'Five pieces, and all is taken back: shipping has tried, but its answer gets lost',
    quantity: 5,
    prepare() {
      shipping.weather(async (op): Promise<Fate> => {
        if (op !== 'try') return 'pass';
        await seen.tried.promise;
        return 'mute';
      });
      orders.weather(async (op): Promise<Fate> => {
        if (op === 'cancel') await seen.cancelled.promise;
        return 'pass';
      });
    },
    async play(gid, show) {
      await wait(gid, 'tried by the other three', ({ branches }) =>
        branches.every(({ branchId, status }) => branchId === 'shipping' || status === 'tried'),
      );
      seen.tried.now();
      await has(gid, 'cancelling');
      await show('after try');
      seen.cancelled.now();
    },
  });

  await scene({ title: 'A try that fails: a thousand pieces, which nobody has', quantity: 1000 });

  await scene({
    title: 'The coordinator is killed between the phases',
    quantity: 5,
    prepare: () => stock.weather((op) => (op === 'confirm' ? 'refuse' : 'pass')),
    async play(gid, show) {
      await wait(gid, 'refused by stock', ({ branches }) =>
        branches.some(({ branchId, failures }) => branchId === 'stock' && failures > 0),
      );
      await show('after try');
      await stage.coordinator.kill();
      screen.line(`    ${screen.paint('red', 'kill -9')} everything is frozen, nobody coordinates`);
      await show('dead');
      stock.weather(() => 'pass');
      await stage.coordinator.start();
      screen.line(`    ${screen.paint('green', 'started')} and goes on where the decision was`);
    },
  });

  // A network that swallows the try of points and spits it out when all is over.
  const rolledBack = await scene({
    title: 'An empty rollback: the try of points is lost on its way',
    quantity: 5,
    prepare: () => points.weather((op) => (op === 'try' ? 'lose' : 'pass')),
  });

  heading('A hanging try: now the lost one arrives after all');
  const show = showing(rolledBack);
  await show('before');
  const status = await points.deliverLost();
  await show('after the try');
  screen.line(`    ${screen.paint('dim', 'points'.padEnd(10))}try ${status}, refused by the fence`);
  screen.line();
  if (status !== 409) throw new Error('The fence let a hanging try through.');
  audit(await readBalances(pool, rolledBack), rolledBack);
}

async function begin({ producer, services }: Stage, order: OrderPayload): Promise<string> {
  const { gid } = await producer<TransactionView>('POST', '/v1/transactions', {
    businessKey: order.orderId,
    mode: 'managed',
    timeoutSeconds: TIMEOUT_SECONDS,
    branches: services.map(({ name, url }) => ({
      branchId: name,
      tryUrl: url,
      confirmUrl: url,
      cancelUrl: url,
      payload: order,
    })),
  });
  return gid;
}

function isOver({ status }: TransactionView): boolean {
  return status === 'confirmed' || status === 'cancelled';
}
