import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';

/** A redis-server of the test's own, which keeps nothing on disk. */
export interface RedisServer {
  url: string;
  readonly pid: number;
  /** Stops answering without closing a connection (SIGSTOP), until `resume`. */
  pause(): void;
  resume(): void;
  /** Kills it. */
  stop(): Promise<void>;
  /** After `stop`: comes back on the same port, empty. */
  start(): Promise<void>;
  restart(): Promise<void>;
}

const running = new Set<ChildProcess>();

/** For a test process that has to die at once. */
export function killEveryRedis(): void {
  for (const server of running) server.kill('SIGKILL');
}
process.once('exit', killEveryRedis);

/** Whether this machine has a redis-server to start. */
export function hasRedis(): boolean {
  return spawnSync('redis-server', ['--version']).status === 0;
}

/** @param options further lines of redis.conf, as `{ 'maxmemory-policy': 'allkeys-lru' }` */
export async function startRedis(options: Record<string, string> = {}): Promise<RedisServer> {
  let port = await freePort();
  let server = await launch(port, options).catch(async () => {
    // Somebody took the port in between.
    port = await freePort();
    return launch(port, options);
  });
  async function stop() {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill('SIGKILL');
    await exited;
  }
  async function start() {
    server = await launch(port, options);
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return server.pid ?? 0;
    },
    pause: () => void server.kill('SIGSTOP'),
    resume: () => void server.kill('SIGCONT'),
    stop,
    start,
    async restart() {
      await stop();
      await start();
    },
  };
}

/** One short conversation with a Redis. */
export async function onRedis<T>(url: string, talk: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await talk(redis);
  } finally {
    redis.disconnect();
  }
}

async function launch(port: number, options: Record<string, string>): Promise<ChildProcess> {
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir: tmpdir(),
    save: '',
    appendonly: 'no',
    databases: '4096',
    'maxmemory-policy': 'noeviction',
    ...options,
  };
  const server = spawn(
    'redis-server',
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  running.add(server);
  server.once('exit', () => running.delete(server));
  const said: string[] = [];
  for await (const line of createInterface({ input: server.stdout })) {
    if (line.includes('Ready to accept connections')) {
      server.stdout.destroy();
      return server;
    }
    said.push(line);
  }
  throw new Error(`redis-server did not start:\n${said.join('\n')}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
