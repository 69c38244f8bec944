import type { AddressInfo } from 'node:net';
import { createKeyRing } from '../features/accounts/keys/key-ring.ts';
import { createAuditTrail } from '../features/audit/trail.ts';
import { createApp } from '../http/app.ts';
import { createServer } from '../http/server.ts';
import { type Parts, version } from './context.ts';
import { readinessOf } from './readiness.ts';

const CLOSING_MS = 1_000;

/** What every process shows of itself: whether it is ready, and its metrics. */
export function watched(parts: Parts) {
  const { settings, log, metrics } = parts;
  return {
    readiness: () => readinessOf(parts),
    log,
    version,
    metering: { token: settings.METRICS_TOKEN ?? null, scrape: metrics.scrape },
    answered: metrics.answered,
    sessions: parts.sessions,
    ...(settings.TRUST_PROXY && { trustProxy: settings.TRUST_PROXY }),
  };
}

/**
 * A process without the role `api` has nothing to answer but `/healthz`, `/readyz` and `/metrics`, and
 * that on a port of its own: by default several workers share a machine, and one number.
 */
export async function startWorkerPort(parts: Parts, port: number): Promise<void> {
  const { settings, log, databases, closers, idempotency, secrets } = parts;
  const keyRing = createKeyRing({ database: databases.intake, log });
  closers.push(keyRing.close);
  const audit = createAuditTrail({ sql: databases.calls.prisma, log });
  closers.push(audit.close);
  const app = createApp({
    routes: [],
    authenticate: keyRing.authenticate,
    idempotency,
    secrets,
    audit,
    readUntil: databases.reads.sqlUntil,
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
