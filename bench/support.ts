import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
/** As `npm start` has them. */
const NODE_ARGS = ['--enable-source-maps', '--max-semi-space-size=32'];
const OPERATOR_KEY = 'operator-key-of-the-benchmark';

export interface BenchGateway {
  url: string;
  pid: number;
  call(method: 'POST' | 'PUT' | 'GET', path: string, body?: unknown): Promise<Answer>;
  close(): Promise<void>;
}

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the benchmark knows what it asked for
  body: any;
}

/**
 * The built gateway as a process of its own, on an embedded database in a temporary folder.
 *
 * @param nodeArgs for Node itself, such as `--cpu-prof`
 * @param main the main file of another build
 */
export async function launchGateway(
  env: Record<string, string> = {},
  nodeArgs: string[] = [],
  main = MAIN,
): Promise<BenchGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'postrider-bench-'));
  const child = spawn(process.execPath, [...NODE_ARGS, ...nodeArgs, main], {
    env: {
      ...process.env,
      PORT: '0',
      DATA_DIR: folder,
      OPERATOR_KEY,
      ALLOW_PRIVATE_TARGETS: 'true',
      LOG_LEVEL: 'warn',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await urlFrom(child);
  const agent = new Agent({ connections: 64 });
  return {
    url,
    pid: child.pid ?? 0,
    async call(method, path, body) {
      const { statusCode, body: answer } = await request(`${url}${path}`, {
        method,
        dispatcher: agent,
        headers: { authorization: `Bearer ${OPERATOR_KEY}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      if (statusCode >= 400)
        throw new Error(`${method} ${path}: ${statusCode} ${text.slice(0, 300)}`);
      return { status: statusCode, body: text === '' ? null : JSON.parse(text) };
    },
    async close() {
      await agent.destroy();
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function urlFrom(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: child.stdout as NonNullable<ChildProcess['stdout']> });
  for await (const line of lines) {
    const url = /API\s+(http\S+)/.exec(line)?.[1];
    if (url !== undefined) {
      lines.on('line', () => {});
      child.stdout?.resume();
      return url;
    }
  }
  throw new Error('the gateway ended before it was ready');
}

/** A receiver in this process. */
export async function listen(handler: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer({ keepAliveTimeout: 60_000 }, handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

/** @param share 0..1, e.g. 0.99 */
export function percentile(values: number[], share: number): number {
  return nearestRank(
    values.toSorted((a, b) => a - b),
    share,
  );
}

/** @param sorted smallest first */
export function nearestRank(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
