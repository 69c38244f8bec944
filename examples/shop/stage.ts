import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Api } from '../../src/demo/api.ts';
import type { Closers } from '../../src/demo/stage.ts';
import { PROTOCOL_QUEUES } from '../../src/engine/protocol-queues.ts';
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres/start.ts';
import { type Coordinator, createCoordinator } from './coordinator.ts';
import { type Service, startService } from './participant.ts';
import { SERVICES } from './services.ts';

/** What a try may take, on a machine that does everything by itself and other things besides. */
const TRY_MS = 60_000;

/** The shop: a database, the coordinator in a process of its own, and four services. */
export interface Stage {
  coordinator: Coordinator;
  /** As the order service, which begins the transactions. */
  producer: Api;
  producerKey: string;
  callbackSecret: string;
  databaseUrl: string;
  services: Service[];
  service(name: string): Service;
}

export async function setStage(closers: Closers, signal: AbortSignal): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'postrider-shop-'));
  closers.push(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  const postgres = await startEmbeddedPostgres(join(folder, 'data'));
  closers.push(postgres.stop);
  signal.throwIfAborted();
  const coordinator = createCoordinator(postgres.url, folder, signal);
  closers.push(coordinator.kill);
  await coordinator.start();
  const key = await coordinator.operator<{ key: string; callbackSecret: string }>(
    'POST',
    '/v1/keys',
    { role: 'producer', name: 'orders' },
  );
  await giveTriesTime(coordinator);
  const services: Service[] = [];
  for (const definition of SERVICES) {
    const service = await startService(definition, postgres.url, key.callbackSecret);
    closers.push(service.close);
    services.push(service);
  }
  return {
    coordinator,
    producer: coordinator.as(key.key),
    producerKey: key.key,
    callbackSecret: key.callbackSecret,
    databaseUrl: postgres.url,
    services,
    service(name) {
      const service = services.find((each) => each.name === name);
      if (service === undefined) throw new Error(`The shop has no service ${name}.`);
      return service;
    },
  };
}

/** Its own five seconds are for services that run on machines of their own. */
async function giveTriesTime({ operator }: Coordinator): Promise<void> {
  const path = `/v1/queues/${PROTOCOL_QUEUES.tccTry}`;
  const queue = await operator<object>('GET', path);
  await operator('PUT', path, { ...queue, timeoutMs: TRY_MS });
}
