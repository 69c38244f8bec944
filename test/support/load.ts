import { setTimeout as pause } from 'node:timers/promises';
import { apiOf } from './api.ts';
import type { GatewayProcess } from './process.ts';

/** Producers that send one notification after the other, each again until they are told it is in. */
export interface Load {
  /** What was accepted: business key → notification id. */
  readonly told: ReadonlyMap<string, string>;
  /** How many calls were answered with which status; 0: not at all. */
  readonly answers: ReadonlyMap<number, number>;
  /** How many calls got no yes. */
  readonly refused: number;
  /** Begins nothing new; resolves once what was begun is in. */
  stop(): Promise<void>;
  /** Repeats nothing any more either. */
  abandon(): Promise<void>;
}

const SENDERS = 8;
const RETRY_PAUSE_MS = 50;
const QUEUE = 'load';

/**
 * A merchant with an endpoint at `receiverUrl`, and a steady stream of notifications to it. What
 * fails is sent again every second.
 */
export async function startLoad(
  gateway: GatewayProcess,
  operatorKey: string,
  receiverUrl: string,
): Promise<Load> {
  const operator = apiOf(() => gateway.url, operatorKey);
  const ladderSeconds = [0, ...Array.from({ length: 60 }, () => 1)];
  await operator.put(`/v1/queues/${QUEUE}`, { ladderSeconds, timeoutMs: 5_000 }).expect(200);
  await operator.post('/v1/merchants', { id: 'm_load', name: 'Load' }).expect(201);
  const endpoint = { url: receiverUrl, types: ['load.sent'], queue: QUEUE };
  await operator.post('/v1/merchants/m_load/endpoints', endpoint).expect(201);

  const told = new Map<string, string>();
  const answers = new Map<number, number>();
  let next = 1;
  let isStopped = false;
  let isAbandoned = false;

  async function send(businessKey: string): Promise<boolean> {
    const { status, text } = await post(gateway.url, operatorKey, {
      merchantId: 'm_load',
      type: 'load.sent',
      businessKey,
      eventId: businessKey,
      payload: { text: 'x'.repeat(500) },
    });
    answers.set(status, (answers.get(status) ?? 0) + 1);
    const isIn = status === 202 || status === 200;
    if (isIn) told.set(businessKey, JSON.parse(text).id);
    return isIn;
  }

  async function runSender(): Promise<void> {
    while (!isStopped) {
      const businessKey = `LOAD-${next++}`;
      while (!(await send(businessKey)) && !isAbandoned) await pause(RETRY_PAUSE_MS);
    }
  }

  const senders = Array.from({ length: SENDERS }, runSender);
  return {
    told,
    answers,
    get refused() {
      return [...answers].reduce(
        (sum, [status, n]) => sum + (status < 200 || status > 299 ? n : 0),
        0,
      );
    },
    async stop() {
      isStopped = true;
      await Promise.all(senders);
    },
    async abandon() {
      isStopped = true;
      isAbandoned = true;
      await Promise.all(senders);
    },
  };
}

async function post(origin: string, key: string, body: unknown) {
  try {
    const response = await fetch(`${origin}/v1/notifications`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        connection: 'close',
      },
    });
    return { status: response.status, text: await response.text() };
  } catch {
    return { status: 0, text: '' };
  }
}
