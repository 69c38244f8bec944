import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { createApp } from '../http/app.ts';
import { createServer } from '../http/server.ts';
import { createKeyRing } from '../merchant/key-ring.ts';
import { createAuditTrail } from '../operations/audit/store.ts';
import { type Parts, version } from './parts.ts';

const CLOSING_MS = 1_000;

/** What every process shows of itself: whether it is ready, and its metrics. */
export function watched(parts: Parts) {
  const { settings, log, metrics } = parts;
  return {
    readiness: () => readiness(parts),
    log,
    version,
    metering: { token: settings.METRICS_TOKEN ?? null, scrape: metrics.scrape },
    answered: metrics.answered,
  };
}

/**
 * A process without the role `api` has nothing to answer but `/healthz`, `/readyz` and `/metrics`, and
 * that on a port of its own: by default several workers share a machine, and one number.
 */
export async function startWorkerPort(parts: Parts, port: number): Promise<void> {
  const { settings, log, database, closers, idempotency, secrets } = parts;
  const keyRing = createKeyRing({ database, log });
  closers.push(keyRing.close);
  const app = createApp({
    routes: [],
    authenticate: keyRing.authenticate,
    idempotency,
    secrets,
    audit: createAuditTrail(database.prisma),
    ...watched(parts),
  });
  const server = createServer(app);
  const url = urlOf(await server.listen(port, settings.HOST));
  closers.push(() => server.close(CLOSING_MS));
  log.info({ url }, 'metrics of this worker');
}

export function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** Whoever asks has limits of his own; a server that stands still must not use them up. */
const CHECK_MS = 2_000;

async function readiness({ database: { prisma }, wakes }: Parts) {
  const works = (check: Promise<unknown>) =>
    Promise.race([
      check.then(() => true).catch(() => false),
      pause(CHECK_MS, false, { ref: false }),
    ]);
  const [database, queue] = await Promise.all([
    works(prisma.$queryRaw`SELECT 1`),
    works(wakes.ping()),
  ]);
  return { database, queue };
}
