import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { bootstrap } from '../app/bootstrap.ts';
import { startGateway } from '../app/start.ts';
import { readConfig } from '../config.ts';
import { type DemoReceiver, startReceiver } from './receiver.ts';

/** A gateway and a receiver, both real and both gone after `close`. */
export interface Stage {
  url: string;
  operatorKey: string;
  receiver: DemoReceiver;
  readyAfterMs: number;
}

/** What has to be undone, in the order in which it was done. */
export type Closers = Array<() => Promise<unknown>>;

/** @param closers gets what is to be closed as soon as it is open, so that nothing is left after a Ctrl-C */
export async function setStage(
  failures: number,
  closers: Closers,
  signal: AbortSignal,
): Promise<Stage> {
  const startedAtMs = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'postrider-demo-'));
  closers.push(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  // Settings of its own: neither the environment nor an .env has a say in a demonstration.
  const read = readConfig({ PORT: '0', DATA_DIR: folder, ALLOW_PRIVATE_TARGETS: 'true' });
  if ('faults' in read) throw new Error(read.faults.join('; '));

  const foundation = await bootstrap(read.config, pino({ level: 'silent' }));
  closers.push(foundation.stop);
  signal.throwIfAborted();
  const gateway = await startGateway(read.config, foundation, pino({ level: 'silent' }));
  closers.push(gateway.close);
  signal.throwIfAborted();
  const readyAfterMs = performance.now() - startedAtMs;
  const receiver = await startReceiver(failures);
  closers.push(receiver.close);
  if (gateway.url === null || foundation.operatorKey === null) throw new Error('No API came up.');
  return { url: gateway.url, operatorKey: foundation.operatorKey, receiver, readyAfterMs };
}
