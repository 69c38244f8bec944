import { pino } from 'pino';
import type { DeliveryCommands } from '../../src/engine/commands.ts';
import { createApp } from '../../src/http/app.ts';
import type { AuditTrail } from '../../src/http/audit.ts';
import type { SessionStore } from '../../src/http/console/session-store.ts';
import type { IdempotencyStore } from '../../src/http/idempotency/store.ts';
import { createServer } from '../../src/http/server.ts';
import type { Sql } from '../../src/platform/db/client.ts';
import type { SecretBox } from '../../src/platform/secrets/secret-box.ts';
import { notificationRoutes } from '../../src/protocols/notification/routes.ts';

// The limit of intake: the gateway's own HTTP server and its own route, with everything that happens
// before and after a notification is stored (key, limits, body, schema, answer), and nothing stored.

const elsewhere = <T>(): T =>
  new Proxy({} as object, {
    get(_target, name) {
      throw new Error(`${String(name)} is not there: nothing is stored here`);
    },
  }) as T;

const routes = notificationRoutes({
  sql: elsewhere(),
  commands: elsewhere<DeliveryCommands>(),
  async accept({ input, id }) {
    const acceptedAt = new Date().toISOString();
    const { merchantId, type, businessKey, eventId = null } = input;
    return {
      status: 202,
      notification: {
        id,
        merchantId,
        type,
        businessKey,
        eventId,
        queue: input.queue ?? 'default',
        status: 'pending',
        result: input.result ?? null,
        occurredAt: input.occurredAt ?? acceptedAt,
        acceptedAt,
        deliveries: [
          {
            id: id.replace('ntf', 'dlv'),
            endpointId: 'ep_00000000000000000000000000',
            url: 'http://127.0.0.1/ok',
            status: 'pending',
            reason: null,
            cycle: 1,
            attemptCount: 0,
            nextAttemptAt: acceptedAt,
            deadlineAt: acceptedAt,
          },
        ],
      },
    };
  },
});

const server = createServer(
  createApp({
    routes,
    authenticate: async (key) => ({
      keyId: key.slice(-12),
      role: 'producer',
      name: 'bench',
      merchantId: null,
    }),
    idempotency: elsewhere<IdempotencyStore>(),
    audit: elsewhere<AuditTrail>(),
    readUntil: () => elsewhere<Sql>(),
    secrets: elsewhere<SecretBox>(),
    sessions: elsewhere<SessionStore>(),
    readiness: async () => ({ database: true, queue: true, process: true, notes: [] }),
    log: pino({ level: 'warn' }),
    version: 'limit',
  }),
);
const { port } = await server.listen(0, '127.0.0.1');
process.send?.({ ready: { url: `http://127.0.0.1:${port}` } });
process.once('SIGTERM', () => process.exit(0));
process.once('disconnect', () => process.exit(1));
