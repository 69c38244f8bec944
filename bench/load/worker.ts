import { fork } from 'node:child_process';
import { once } from 'node:events';

/** A process that takes orders, one answer to each. */
export interface WorkerProcess<Order, Report> {
  pid: number;
  ask(order: Order): Promise<Report>;
  close(): Promise<void>;
}

type Envelope = { number: number } & ({ report: unknown } | { error: string });

/** Starts `file` (TypeScript) as a process of its own; it says `{ready: …}` first. */
export async function startWorkerProcess<Order, Report, Ready = null>(
  file: URL,
  env: Record<string, string> = {},
): Promise<WorkerProcess<Order, Report> & { ready: Ready }> {
  const child = fork(file, {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, ...env },
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const waiting = new Map<number, { resolve(report: Report): void; reject(error: Error): void }>();
  let asked = 0;
  const ended = exited.then(([code, signal]) => {
    const error = new Error(`${file.pathname} ended (${signal ?? code})`);
    for (const { reject } of waiting.values()) reject(error);
    return Promise.reject(error);
  });
  ended.catch(() => {});
  const [hello] = (await Promise.race([once(child, 'message'), ended])) as [{ ready: Ready }];
  child.on('message', (envelope: Envelope) => {
    const asker = waiting.get(envelope.number);
    waiting.delete(envelope.number);
    if ('error' in envelope) asker?.reject(new Error(envelope.error));
    else asker?.resolve(envelope.report as Report);
  });
  return {
    pid: child.pid ?? 0,
    ready: hello.ready,
    ask(order) {
      asked += 1;
      const number = asked;
      return new Promise((resolve, reject) => {
        waiting.set(number, { resolve, reject });
        child.send({ number, order });
      });
    },
    async close() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await exited;
    },
  };
}

/** The other side: says that it is ready, and answers whatever it is asked. */
export function answerOrders<Order, Ready>(
  answer: (order: Order) => Promise<unknown> | unknown,
  ready: Ready | null = null,
): void {
  process.on('message', async ({ number, order }: { number: number; order: Order }) => {
    try {
      process.send?.({ number, report: await answer(order) });
    } catch (error) {
      process.send?.({ number, error: error instanceof Error ? String(error.stack) : 'failed' });
    }
  });
  // An orchestrator that was killed leaves nobody behind.
  process.on('disconnect', () => process.exit(1));
  process.send?.({ ready });
}
