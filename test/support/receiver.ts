import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';

/** One request as it came. `at` is when its headers arrived, in ms since 1970. */
interface Received {
  at: number;
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What a behaviour gets to play with; `gone` aborts when the client leaves or the receiver closes. */
interface Exchange {
  request: Received;
  response: ServerResponse;
  socket: Socket;
  gone: AbortSignal;
}

export interface Reply {
  status?: number;
  body?: string | Buffer;
  headers?: Record<string, string>;
  delayMs?: number;
}

export interface Behaviour {
  act(exchange: Exchange): void | Promise<void>;
}

/** A status, a reply, or something nastier. */
type Step = number | Reply | Behaviour;

/** One step for ever; steps one request after the other, the last one repeating; or a decision. */
type Program = Step | readonly Step[] | ((request: Received) => Step | Promise<Step>);

export interface Receiver {
  url(path?: string): string;
  /** In the order in which their bodies were complete. */
  readonly requests: readonly Received[];
  readonly inFlight: number;
  /** The most requests that were ever open at once. */
  readonly maxInFlight: number;
  /** Programs the answers; with `path`, those of this path alone. Without any: 200. */
  answer(program: Program, path?: string): void;
  /** Resolves with the requests so far once there are `count`. */
  waitFor(count: number, timeoutMs?: number): Promise<readonly Received[]>;
  /** Resolves with the first request, past or future, that fits. */
  waitFor(
    fits: (request: Received, all: readonly Received[]) => boolean,
    timeoutMs?: number,
  ): Promise<Received>;
  close(): Promise<void>;
}

/** Takes the request and says nothing. */
export const hang: Behaviour = { act: () => {} };

/** Breaks the connection with a TCP RST. */
export const reset: Behaviour = { act: ({ socket }) => void socket.resetAndDestroy() };

/** Answers 200 and then a byte a second, without end. */
export const drip: Behaviour = {
  async act({ response, gone }) {
    response.writeHead(200, { 'content-type': 'text/plain' });
    for (;;) {
      response.write('.');
      await pause(1000, undefined, { signal: gone });
    }
  },
};

export function redirect(location: string, status = 302): Reply {
  return { status, headers: { location } };
}

/** A body of that many bytes, as quickly as the client takes it. */
export function hugeBody(bytes = 1024 ** 3, headers: Record<string, string> = {}): Behaviour {
  return {
    async act({ response, gone }) {
      const chunk = Buffer.alloc(64 * 1024, 'x');
      response.writeHead(200, headers);
      for (let sent = 0; sent < bytes; sent += chunk.length) {
        const rest = chunk.subarray(0, bytes - sent);
        if (!response.write(rest)) await once(response, 'drain', { signal: gone });
      }
      response.end();
    },
  };
}

/**
 * Holds every request until it is released: `release()` lets all go, now and later; `release(n)`
 * the n longest waiting. `then` is how they are answered.
 */
export function hold(then: number | Reply = 200): Behaviour & { release(count?: number): void } {
  const waiting: (() => void)[] = [];
  let open = false;
  return {
    async act({ response, gone }) {
      if (!open) await new Promise<void>((resolve) => waiting.push(resolve));
      if (!gone.aborted) await reply(response, then, gone);
    },
    release(count) {
      if (count === undefined) open = true;
      for (const go of waiting.splice(0, count ?? waiting.length)) go();
    },
  };
}

/**
 * A real HTTP server on 127.0.0.1 that does what the test tells it to.
 *
 * @param options.keeps whether it remembers requests; without, `requests` stays empty, for runs of hours
 */
export async function startReceiver(options: { keeps?: boolean } = {}): Promise<Receiver> {
  const requests: Received[] = [];
  const programs = new Map<string, () => (request: Received) => Step | Promise<Step>>();
  const watchers = new Set<{ look(): void; fail(error: Error): void }>();
  const closing = new AbortController();
  let inFlight = 0;
  let maxInFlight = 0;

  const server = createServer((request, response) => {
    inFlight += 1;
    maxInFlight = Math.max(maxInFlight, inFlight);
    const left = new AbortController();
    response.once('close', () => {
      inFlight -= 1;
      left.abort();
    });
    const gone = AbortSignal.any([left.signal, closing.signal]);
    // A client that leaves in the middle of an answer is what many tests are about.
    serve(request, response, gone).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 60_000;

  async function serve(message: IncomingMessage, response: ServerResponse, gone: AbortSignal) {
    const received: Received = {
      at: Date.now(),
      method: message.method ?? '',
      path: message.url ?? '',
      headers: message.headers,
      body: await text(message),
    };
    if (options.keeps !== false) requests.push(received);
    const program = programs.get(received.path) ?? programs.get(ANYWHERE);
    const decide = program?.() ?? (() => 200);
    for (const watcher of [...watchers]) watcher.look();
    const step = await decide(received);
    if (typeof step === 'object' && 'act' in step) {
      await step.act({ request: received, response, socket: message.socket, gone });
    } else {
      await reply(response, step, gone);
    }
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  function waitFor(
    wanted: number | ((request: Received, all: readonly Received[]) => boolean),
    timeoutMs = 10_000,
  ): Promise<never> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        watchers.delete(watcher);
        act();
      };
      const watcher = {
        look() {
          const seen =
            typeof wanted === 'number'
              ? requests.length >= wanted && [...requests]
              : requests.find((request) => wanted(request, requests));
          if (seen) settle(() => resolve(seen as never));
        },
        fail: (error: Error) => settle(() => reject(error)),
      };
      const timer = setTimeout(() => {
        const what = typeof wanted === 'number' ? `${wanted} requests` : wanted.toString();
        watcher.fail(
          new Error(`Waited ${timeoutMs} ms in vain for ${what}; ${requests.length} arrived`),
        );
      }, timeoutMs);
      watchers.add(watcher);
      watcher.look();
    });
  }

  return {
    url: (path = '/') => `http://127.0.0.1:${port}${path}`,
    requests,
    get inFlight() {
      return inFlight;
    },
    get maxInFlight() {
      return maxInFlight;
    },
    answer(program, path = ANYWHERE) {
      programs.set(path, follow(program));
    },
    waitFor,
    async close() {
      closing.abort();
      for (const watcher of [...watchers]) watcher.fail(new Error('The receiver was closed'));
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

const ANYWHERE = '';

/** Takes the next step for each request, in the order of arrival. */
function follow(program: Program): () => (request: Received) => Step | Promise<Step> {
  if (typeof program === 'function') return () => program;
  const steps: readonly Step[] = Array.isArray(program) ? program : [program as Step];
  let next = 0;
  return () => {
    const step = steps[Math.min(next, steps.length - 1)] ?? 200;
    next += 1;
    return () => step;
  };
}

async function reply(response: ServerResponse, step: number | Reply, gone: AbortSignal) {
  const {
    status = 200,
    body = '',
    headers = {},
    delayMs = 0,
  } = typeof step === 'number' ? { status: step } : step;
  if (delayMs > 0) await pause(delayMs, undefined, { signal: gone });
  response.writeHead(status, headers);
  response.end(body);
}
