import { setTimeout as pause } from 'node:timers/promises';
import type { Screen } from '../../src/demo/screen.ts';
import type { TransactionView } from '../../src/protocols/tcc/contract.ts';
import { audit, readBalances, showBalances } from './balances.ts';
import type { Stage } from './stage.ts';

const LOOK_EVERY_MS = 50;
/** What a try may take before the coordinator gives it up. */
const TRY_SECONDS = 5;

/** Five orders, and what becomes of them. @throws Error when the books do not add up after one */
export async function tell(stage: Stage, screen: Screen, signal: AbortSignal): Promise<void> {
  const books = () => readBalances(stage.service('stock').pool);
  const show = async (when: string) => showBalances(screen, when, await books());
  let orders = 0;

  async function scene(
    title: string,
    quantity: number,
    play: (gid: string) => Promise<TransactionView>,
    prepare: () => void = () => {},
  ): Promise<void> {
    orders += 1;
    screen.line(`  ${screen.paint('bold', `${orders}. ${title}`)}`);
    await show('before');
    for (const service of stage.services) service.log.length = 0;
    prepare();
    const gid = await begin(stage, `ORDER-${orders}`, quantity);
    const { decision, cause } = await play(gid);
    const why = cause === null ? '' : ` (${cause})`;
    screen.line(`    ${screen.paint('dim', 'decided')} ${decision}${why}`);
    for (const { name, log } of stage.services) {
      screen.line(`    ${screen.paint('dim', name.padEnd(9))}${log.join(' → ')}`);
    }
    await show('after');
    screen.line();
    audit(await books());
  }
  const ends = (gid: string) => until(stage, gid, isOver, signal);

  const stock = stage.service('stock');
  const looked = signalled();
  await scene(
    'The happy way: five pieces',
    5,
    async (gid) => {
      await until(stage, gid, ({ status }) => status === 'confirming', signal);
      await show('tried');
      looked.now();
      return ends(gid);
    },
    () =>
      stock.weather(async (op) => {
        // Only so that there is time to look at the books.
        if (op === 'confirm') await looked.promise;
        return 'pass' as const;
      }),
  );

  await scene('A try that fails: a thousand pieces, which nobody has', 1000, ends);

  await scene(
    'The coordinator is killed between the phases',
    5,
    async (gid) => {
      await until(stage, gid, (t) => (branch(t, 'stock')?.failures ?? 0) > 0, signal);
      await show('decided');
      await stage.coordinator.kill();
      screen.line(`    ${screen.paint('red', 'kill -9')} everything is frozen, nobody coordinates`);
      await show('dead');
      stock.weather(() => 'pass');
      await stage.coordinator.start();
      screen.line(`    ${screen.paint('green', 'started')} and goes on where the decision was`);
      return ends(gid);
    },
    () => stock.weather((op) => (op === 'confirm' ? 'refuse' : 'pass')),
  );

  // A network that swallows the try of points and spits it out when all is over.
  const points = stage.service('points');
  await scene(
    `An empty rollback: the try of points is lost, after ${TRY_SECONDS} s all is cancelled`,
    5,
    ends,
    () => points.weather((op) => (op === 'try' ? 'lose' : 'pass')),
  );
  screen.line(`  ${screen.paint('bold', '5. A hanging try: now the lost one arrives after all')}`);
  await show('before');
  const status = await points.deliverLost();
  screen.line(`    ${screen.paint('dim', 'points'.padEnd(9))}try ${status}, refused by the fence`);
  await show('after');
  screen.line();
  if (status !== 409) throw new Error('The fence let a hanging try through.');
  audit(await books());
}

async function begin({ producer, services }: Stage, orderId: string, quantity: number) {
  const { gid } = await producer<TransactionView>('POST', '/v1/transactions', {
    businessKey: orderId,
    mode: 'managed',
    branches: services.map(({ name, url }) => ({
      branchId: name,
      tryUrl: url,
      confirmUrl: url,
      cancelUrl: url,
      payload: { orderId, quantity },
    })),
  });
  return gid;
}

function isOver({ status }: TransactionView): boolean {
  return status === 'confirmed' || status === 'cancelled';
}

function branch({ branches }: TransactionView, name: string) {
  return branches.find(({ branchId }) => branchId === name);
}

async function until(
  { producer }: Stage,
  gid: string,
  isIt: (transaction: TransactionView) => boolean,
  signal: AbortSignal,
): Promise<TransactionView> {
  const read = () => producer<TransactionView>('GET', `/v1/transactions/${gid}`);
  let transaction = await read();
  await look(async () => {
    transaction = await read();
    return isIt(transaction);
  }, signal);
  return transaction;
}

async function look(isIt: () => boolean | Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!(await isIt())) await pause(LOOK_EVERY_MS, undefined, { signal });
}

function signalled() {
  let now = () => {};
  const promise = new Promise<void>((resolve) => {
    now = resolve;
  });
  return { promise, now };
}
