#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { pino } from 'pino';
import { banner } from './banner.ts';
import { readConfig } from './config.ts';
import { layFoundation } from './foundation.ts';
import { startGateway } from './gateway.ts';

/** Longer than every deadline inside: what still runs then is cut off. */
const FORCED_EXIT_MS = 40_000;

const startedAt = performance.now();
if (existsSync('.env')) process.loadEnvFile('.env');
const read = readConfig(process.env);
if ('faults' in read) {
  console.error(
    `Postrider cannot start with these settings:\n${read.faults.map((fault) => `  - ${fault}`).join('\n')}`,
  );
  process.exit(1);
}
const { config } = read;
const log = pino({ level: config.LOG_LEVEL });

try {
  const foundation = await layFoundation(config, (line) => log.info(line));
  const gateway = await startGateway(config, foundation, log).catch(async (error) => {
    await foundation.stop();
    throw error;
  });
  process.stdout.write(
    `${banner(config, foundation, gateway.url, performance.now() - startedAt)}\n`,
  );
  if (config.ALLOW_PRIVATE_TARGETS) log.warn('private and plain-http targets are allowed');

  const stop = async (signal: string) => {
    log.info({ signal }, 'stopping: no new work, attempts under way may end');
    setTimeout(() => process.exit(1), FORCED_EXIT_MS).unref();
    await gateway.close();
    // Last, because everything else writes to it until its end.
    await foundation.stop();
    log.info('stopped');
    process.exit(0);
  };
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      void stop(signal);
    });
  }
} catch (error) {
  console.error(`Postrider cannot start: ${causeOf(error)}`);
  process.exit(1);
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return `${config.HOST}:${config.PORT} is taken by another program; stop it or set PORT to a free one.`;
  }
  if (code === 'EACCES')
    return `no right to listen on port ${config.PORT}; set PORT to 1024 or higher.`;
  return error.message;
}
