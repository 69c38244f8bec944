import { createHmac, timingSafeEqual } from 'node:crypto';
import { EventEmitter, on, once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** One call of the gateway, and what it was answered. */
export interface Arrival {
  attempt: number;
  /** By `performance.now()`. */
  atMs: number;
  status: number;
  answer: string;
}

export interface DemoReceiver {
  url: string;
  /** The endpoint's `whsec_…`, as its merchant got it. */
  trust(secret: string): void;
  arrivals(signal: AbortSignal): AsyncIterable<Arrival>;
  close(): Promise<void>;
}

const TOLERANCE_SECONDS = 300;

/** A merchant's server: down for its first `failures` calls, then it checks what it gets. */
export async function startReceiver(failures: number): Promise<DemoReceiver> {
  const events = new EventEmitter();
  let secret = '';
  let calls = 0;
  const server = createServer(async (request, response) => {
    const atMs = performance.now();
    const body = await text(request);
    calls += 1;
    const [status, answer] =
      calls <= failures
        ? ([500, 'our database is down'] as const)
        : isGenuine(request.headers, body, secret)
          ? ([200, 'signature verified, thank you'] as const)
          : ([401, 'who are you?'] as const);
    response.writeHead(status, { 'content-type': 'text/plain' }).end(answer);
    const arrival: Arrival = { attempt: calls, atMs, status, answer };
    events.emit('arrival', arrival);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}/payments`,
    trust(given) {
      secret = given;
    },
    arrivals(signal) {
      // Listens from now on, not from the first look: what comes in between is kept.
      const emitted = on(events, 'arrival', { signal });
      return (async function* () {
        for await (const [arrival] of emitted) yield arrival as Arrival;
      })();
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** What every receiver should do; any Standard Webhooks library does the same. */
function isGenuine(headers: IncomingHttpHeaders, body: string, secret: string): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp } = headers;
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest();
  return String(headers['webhook-signature'])
    .split(' ')
    .filter((signature) => signature.startsWith('v1,'))
    .map((signature) => Buffer.from(signature.slice('v1,'.length), 'base64'))
    .some((given) => given.length === expected.length && timingSafeEqual(given, expected));
}
