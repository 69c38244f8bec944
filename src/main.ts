#!/usr/bin/env node
import { once } from 'node:events';
import { createServer } from 'node:net';
import { banner } from './app/banner.ts';
import { type Bootstrapped, bootstrap } from './app/bootstrap.ts';
import { readSettings } from './app/command.ts';
import { startGateway } from './app/start.ts';
import { isLoopback } from './config.ts';
import { openLog } from './platform/log/open.ts';

/** Longer than every deadline inside: what still runs then is cut off. */
const FORCED_EXIT_MS = 40_000;

const config = readSettings('Postrider cannot start');
const { log, sink } = openLog(config.LOG_LEVEL);

// From the very start: a signal that comes during it is obeyed as soon as what has begun can be ended.
const asked = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (asked.signal.aborted) process.exit(1);
    log.info({ signal }, 'stopping: no new work, attempts under way may end');
    setTimeout(() => process.exit(1), FORCED_EXIT_MS).unref();
    asked.abort();
  });
}

// Nobody knows what state it has left behind; what was accepted is in the database.
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error) => {
    log.fatal({ err: error }, 'the process ends: an error that nothing has caught');
    void sink.close().finally(() => process.exit(1));
  });
}

try {
  if (config.ROLES.includes('api') && config.PORT !== 0) await requireFreePort();
  const foundation = await bootstrap(config, log);
  try {
    if (!asked.signal.aborted) await runUntilAsked(foundation);
  } finally {
    // Last, because everything else writes to it until its end.
    await foundation.stop();
  }
  log.info('stopped');
  await sink.close();
  process.exit(0);
} catch (error) {
  await sink.close();
  console.error(`Postrider cannot start: ${causeOf(error)}`);
  process.exit(1);
}

async function runUntilAsked(foundation: Bootstrapped): Promise<void> {
  const gateway = await startGateway(config, foundation, log);
  const readyAfterMs = performance.now();
  sink.write(`${banner(config, foundation, gateway.url, readyAfterMs, process.stdout.isTTY)}\n`);
  if (config.ALLOW_PRIVATE_TARGETS) log.warn('private and plain-http targets are allowed');
  if (gateway.url !== null && !isLoopback(config.HOST)) {
    log.warn({ host: config.HOST }, 'keys travel in clear unless something in front speaks TLS');
  }
  if (!asked.signal.aborted) await once(asked.signal, 'abort');
  await gateway.close();
}

/** Known before a database is made, not after. @throws what the socket says */
async function requireFreePort(): Promise<void> {
  const probe = createServer().listen(config.PORT, config.HOST);
  await once(probe, 'listening');
  probe.close();
  await once(probe, 'close');
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== 'listen') return error.message;
  if (code === 'EADDRINUSE') {
    return `${config.HOST}:${config.PORT} is taken by another program; stop it or set PORT to a free one.`;
  }
  if (code === 'EACCES')
    return `no right to listen on port ${config.PORT}; set PORT to 1024 or higher.`;
  return error.message;
}
