import type { WakeBackend } from '../../../src/engine/timers/wake-queue.ts';
import type { Api, ApiAnswer } from '../../support/api.ts';
import { type GatewayOptions, type TestGateway, testGateway } from '../../support/gateway.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** Quick enough to watch: four attempts within some seconds. */
const QUICK = {
  ladderSeconds: [0, 1, 1, 1],
  deadlineSeconds: 3600,
  jitter: 0,
  timeoutMs: 2000,
};

/** A gateway with a producer, a merchant that listens, and the producer's check-back endpoint. */
export interface Scene {
  gateway: TestGateway;
  producer: { key: string; callbackSecret: string; api: Api };
  merchant: { id: string; api: Api };
  /** The merchant's endpoint. */
  receiver: Receiver;
  /** Where the producer is asked back. */
  checks: Receiver;
  prepare(more?: object, notification?: object): Promise<ApiAnswer['body']>;
  read(id: string): Promise<ApiAnswer['body']>;
  reaches(id: string, status: string, timeoutMs?: number): Promise<ApiAnswer['body']>;
  /** Lets the time of their check-backs come and waits until they have been made and recorded. */
  nextChecks(ids: string[], count: number): Promise<ApiAnswer['body'][]>;
  close(): Promise<void>;
}

export async function openScene(
  backend?: WakeBackend,
  options: GatewayOptions = {},
): Promise<Scene> {
  const gateway = await testGateway({ sweepEveryMs: 200, ...(backend && { backend }), ...options });
  const [receiver, checks] = [await startReceiver(), await startReceiver()];
  const producer = await gateway.producer();
  const merchant = await gateway.merchant();
  await gateway.operator.put('/v1/queues/quick', QUICK).expect(200);
  await merchant.api
    .post(`/v1/merchants/${merchant.id}/endpoints`, { url: receiver.url('/hook') })
    .expect(201);
  const read = async (id: string) =>
    (await gateway.operator.get(`/v1/messages/${id}`).expect(200)).body;
  return {
    gateway,
    producer,
    merchant,
    receiver,
    checks,
    async prepare(more = {}, notification = {}) {
      const { body } = await producer.api
        .post('/v1/messages', {
          notification: {
            merchantId: merchant.id,
            type: 'order.paid',
            businessKey: 'ORDER-1',
            queue: 'quick',
            payload: { points: 10 },
            ...notification,
          },
          checkUrl: checks.url('/check'),
          completion: 'http',
          ...more,
        })
        .expect(201);
      return body;
    },
    read,
    reaches: (id, status, timeoutMs = 15_000) =>
      until(
        async () => {
          const message = await read(id);
          return message.status === status ? message : null;
        },
        { timeoutMs, what: `message ${id} to be ${status}` },
      ),
    async nextChecks(ids, count) {
      // While one is under way, there is no time of the next.
      const planned = async (id: string) => (await read(id)).check.nextAt;
      const times = (await Promise.all(ids.map((id) => until(() => planned(id))))).map(Date.parse);
      await gateway.db.travel(Math.max(0, Math.max(...times) - (await now(gateway))) + 5);
      const made = async (id: string) => {
        const message = await read(id);
        const { check, status } = message;
        const isRecorded = check.nextAt !== null || status !== 'prepared';
        return check.count >= count && isRecorded ? message : null;
      };
      const what = `check ${count}`;
      return Promise.all(ids.map((id) => until(() => made(id), { timeoutMs: 20_000, what })));
    },
    async close() {
      await gateway.close();
      await receiver.close();
      await checks.close();
    },
  };
}

/** The gateway's clock. */
async function now({ db }: TestGateway): Promise<number> {
  const [row] = await db.database.prisma.$queryRaw<{ now: Date }[]>`SELECT postrider_now() AS now`;
  return row?.now.getTime() ?? 0;
}
