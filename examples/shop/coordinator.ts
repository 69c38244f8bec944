import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Api, apiOf } from '../../src/demo/api.ts';

/** The gateway as a process of its own, which may be killed and started again on the same database. */
export interface Coordinator {
  start(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  /** With the operator's key. */
  operator: Api;
  as(key: string): Api;
  /** Another one after each start. */
  url(): string;
}

/** Most of it is spent on reading TypeScript, which takes long where the processor is shared. */
const READY_MS = 120_000;
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** @param cwd a folder without anybody's `.env` */
export function createCoordinator(
  databaseUrl: string,
  cwd: string,
  signal: AbortSignal,
): Coordinator {
  const operatorKey = randomBytes(24).toString('hex');
  const env = {
    PATH: process.env.PATH ?? '',
    DATABASE_URL: databaseUrl,
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    OPERATOR_KEY: operatorKey,
    ALLOW_PRIVATE_TARGETS: 'true',
    PORT: '0',
    LOG_LEVEL: 'fatal',
  };
  let child: ChildProcess | null = null;
  let url = '';

  // The address is another one after each start, so it is looked up at each call.
  const as =
    (key: string): Api =>
    (method, path, body) =>
      apiOf(url, key, signal)(method, path, body);

  return {
    as,
    url: () => url,
    operator: as(operatorKey),
    async start() {
      const args = ['--import', import.meta.resolve('tsx'), MAIN];
      child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
      url = await addressOf(child, AbortSignal.any([signal, AbortSignal.timeout(READY_MS)]));
    },
    async kill() {
      if (child === null || child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** The API's address, as the start banner says it. */
async function addressOf(child: ChildProcess, signal: AbortSignal): Promise<string> {
  let said = '';
  if (child.stdout === null) throw new Error('The gateway says nothing.');
  child.stdout.setEncoding('utf8');
  for (;;) {
    const [chunk] = (await Promise.race([
      once(child.stdout, 'data', { signal }),
      once(child, 'exit', { signal }).then(() => {
        throw new Error(`The gateway ended at once:\n${said}`);
      }),
    ])) as [string];
    said += chunk;
    const address = /^ {2}API +(http\S+)$/m.exec(said)?.[1];
    if (address !== undefined) {
      child.stdout.resume();
      return address;
    }
  }
}
