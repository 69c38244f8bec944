import type { WakeBackend } from '../../src/engine/timers/wake-queue.ts';
import { OPERATOR_KEY } from './gateway.ts';
import { type GatewayProcess, spawnGateway } from './process.ts';

/**
 * What a process needs to do the work of a test's own database, beside gateways in the test process or
 * instead of them.
 *
 * @param backend the timers: PostgreSQL in that database when absent
 */
export function spawnGatewayOn(
  db: { url: string },
  backend?: WakeBackend,
  more: Record<string, string> = {},
): Promise<GatewayProcess> {
  return spawnGateway({
    env: {
      DATABASE_URL: db.url,
      ...(backend?.kind === 'redis' && { REDIS_URL: backend.url }),
      ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
      OPERATOR_KEY,
      ALLOW_PRIVATE_TARGETS: 'true',
      LOG_LEVEL: 'warn',
      ...more,
    },
  });
}
