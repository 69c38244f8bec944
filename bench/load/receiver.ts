import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerOrders } from './worker.ts';

// The receivers, in a process of their own: one for notifications, two participants of transactions.
// Anything else than counting is done only while it is asked for.

/**
 * `reset` begins to count anew; with `arrivals`, when each `webhook-id` came is kept as well. `report`
 * answers with everything, `count` without the lists' contents.
 */
export type ReceiverOrder =
  | { ask: 'reset'; keep: 'counts' | 'arrivals' }
  | { ask: 'report' }
  | { ask: 'count' };

export interface ReceiverReport {
  notifications: number;
  confirms: number;
  /** Second attempts of what was refused. */
  retries: number;
  /** When the last notification came, `Date.now()`. */
  lastAt: number;
  arrivals: [id: string, at: number][];
  /** Between a refusal and the next attempt, ms. */
  gapsMs: number[];
}

export interface ReceiverReady {
  url: string;
  participants: string[];
}

const fresh = (): ReceiverReport => ({
  notifications: 0,
  confirms: 0,
  retries: 0,
  lastAt: 0,
  arrivals: [],
  gapsMs: [],
});
let report = fresh();
let keep: 'counts' | 'arrivals' = 'counts';
let seen = 0;
const refusedAt = new Map<string, number>();

function arrived(request: IncomingMessage, response: ServerResponse): void {
  const at = Date.now();
  const isFlaky = request.url === '/flaky';
  request.resume();
  request.once('end', () => {
    if (isFlaky) return flaky(String(request.headers['webhook-id']), response);
    report.notifications += 1;
    report.lastAt = at;
    if (keep === 'arrivals') report.arrivals.push([String(request.headers['webhook-id']), at]);
    response.end('ok');
  });
}

/** Refuses the first attempt of every second notification, and measures how long the next one takes. */
function flaky(id: string, response: ServerResponse): void {
  const before = refusedAt.get(id);
  if (before !== undefined) {
    report.retries += 1;
    report.gapsMs.push(performance.now() - before);
  } else {
    seen += 1;
    if (seen % 2 === 0) {
      response.statusCode = 500;
      response.once('finish', () => refusedAt.set(id, performance.now()));
    }
  }
  response.end('ok');
}

function taken(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  request.once('end', () => {
    if (request.url === '/confirm') report.confirms += 1;
    response.end('{}');
  });
}

async function listen(handler: typeof arrived): Promise<string> {
  const server = createServer({ keepAliveTimeout: 60_000 }, handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const ready: ReceiverReady = {
  url: await listen(arrived),
  participants: await Promise.all([listen(taken), listen(taken)]),
};

answerOrders((order: ReceiverOrder) => {
  if (order.ask === 'reset') {
    report = fresh();
    keep = order.keep;
    refusedAt.clear();
  }
  return order.ask === 'count' ? { ...report, arrivals: [], gapsMs: [] } : report;
}, ready);
