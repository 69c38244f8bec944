import type { Dispatcher } from 'undici';
import { withoutMark } from '../../platform/json/text.ts';
import { createLagMeter, type LagMeter } from '../lag.ts';
import type { SuccessRule } from '../rules/rules.ts';
import { waitingFor } from '../waiting-for.ts';
import { askedDelayMs, firstOf } from './answer-fields.ts';
import type { Connection, Connections } from './connections.ts';
import { checkUrl } from './destination.ts';
import { isOurFault } from './our-fault.ts';
import { isReserved } from './reserved-headers.ts';
import { openRoute } from './route.ts';
import { signatureHeaders } from './sign.ts';
import { NO_TIME, startWatch, type Times } from './stopwatch.ts';
import { type TargetSettings, targetRules } from './target-rules.ts';
import { failureOf } from './transport-error.ts';

/** What goes out, the same in every attempt. */
export interface WebhookRequest {
  url: string;
  /** The endpoint's own; reserved ones are left out. */
  headers: Record<string, string>;
  /** What the protocol says beside the body. */
  protocolHeaders?: Record<string, string>;
  /** Sent and signed as these very bytes. */
  body: string;
  /** `whsec_…`, the current one first; each signs. */
  secrets: string[];
  webhookId: string;
  /** What counts as success there, whatever the queue says. */
  success?: SuccessRule;
  /** Whose address it is, if not a merchant's: producers' are inside, where their systems are. */
  isProducers?: true;
}

/** What is particular to one attempt. */
export interface AttemptContext {
  deliveryId: string;
  attempt: number;
  cycle: number;
  /** For everything together: DNS, connection, TLS, request and answer. */
  timeoutMs: number;
  /** The database's clock, ms since the epoch. */
  nowMs: number;
  /** Gives the attempt up, as a shutdown does. */
  signal?: AbortSignal;
}

export type WebhookResponse =
  | {
      kind: 'response';
      statusCode: number;
      /** Its first 16 KiB; what is not UTF-8 is replaced, NULs are left out. */
      body: string;
      /**
       * What kept the rest of the body from coming; null: it is whole, or has its 16 KiB. `no_end`: nobody had said
       * how long it is, and the connection stayed open.
       */
      cutOff: 'timeout' | 'connection_error' | 'no_end' | null;
      retryAfterMs: number | null;
      remoteAddress: string | null;
      durationMs: number;
      /** The same without the time in which this process itself lagged: for so long the receiver held a place. */
      heldMs: number;
    }
  | {
      kind: 'failure';
      outcome: 'timeout' | 'connection_error' | 'tls_error' | 'dns_error' | 'blocked_target';
      /** For everybody's eyes. */
      error: string;
      remoteAddress: string | null;
      durationMs: number;
      heldMs: number;
    };

export interface Sender {
  /**
   * Makes one HTTP call. Never rejects for anything that a network or a receiver can do; rejects
   * with the signal's reason when `stamp.signal` aborts, once the sender is closed, and when this machine
   * has no descriptors, ports or memory left for it.
   */
  send(letter: WebhookRequest, stamp: AttemptContext): Promise<WebhookResponse>;
  /** Gives up what is in flight and closes every connection. */
  close(): Promise<void>;
}

interface SenderOptions extends TargetSettings {
  /** What merchants' receivers are called through, and producers' that are not listed. */
  proxy?: URL | null;
  userAgent: string;
  /** For tests: `ip:port`, in place of the system's. */
  dnsServers?: string[];
  /** For tests: PEM, in place of the public certificate authorities. */
  ca?: string;
}

type Failure = Extract<WebhookResponse, { kind: 'failure' }>['outcome'];
type CutOff = Extract<WebhookResponse, { kind: 'response' }>['cutOff'];

const KIB = 1024;
const SECOND = 1000;
const MOST_BODY_BYTES = 16 * KIB;
/** Answers that end with their head. */
const BODILESS = new Set([204, 304]);

/**
 * One sentence for what is blocked, refused or silent: whoever may register an address must not
 * learn from it what there is inside our network.
 */
const NOT_REACHED = 'The receiver could not be reached or did not answer in time.';
const BROKEN_OFF = 'The connection broke before a complete HTTP answer had come.';
const ERRORS: Record<Failure, string> = {
  blocked_target: NOT_REACHED,
  connection_error: NOT_REACHED,
  timeout: NOT_REACHED,
  dns_error: 'The name of the receiver could not be resolved.',
  tls_error: 'No trusted TLS connection to the receiver came about.',
};

/** Sends webhooks over connections that are kept for a few seconds after each answer. */
export function createSender(options: SenderOptions): Sender {
  const rules = targetRules(options);
  const merchants = openRoute({ ...options, ...rules.merchants });
  const producers = openRoute({ ...options, ...rules.producers });
  const lag = createLagMeter();
  const closing = new AbortController();

  return {
    async send(letter, stamp) {
      closing.signal.throwIfAborted();
      stamp.signal?.throwIfAborted();
      // Registration has checked it too, but perhaps under other rules.
      const { rules, connections } = letter.isProducers ? producers : merchants;
      const check = checkUrl(letter.url, rules);
      if (!check.ok) return failed('blocked_target', ERRORS.blocked_target, null, NO_TIME);
      const body = Buffer.from(letter.body);
      const request: Dispatcher.DispatchOptions = {
        path: check.url.pathname + check.url.search,
        method: 'POST',
        headers: headersOf(letter, stamp, body, options.userAgent),
        body,
      };
      const stops = stamp.signal === undefined ? [closing.signal] : [closing.signal, stamp.signal];
      lag.begin();
      return exchange({ connections, lag }, check.url.origin, request, stamp, stops).finally(
        lag.end,
      );
    },
    async close() {
      closing.abort(new Error('The sender is closed.'));
      await Promise.all([merchants, producers].map((way) => way.close()));
    },
  };
}

function headersOf(
  letter: WebhookRequest,
  stamp: AttemptContext,
  body: Buffer,
  userAgent: string,
): string[] {
  const signature = signatureHeaders({
    webhookId: letter.webhookId,
    timestampSeconds: Math.floor(stamp.nowMs / SECOND),
    body,
    secrets: letter.secrets,
  });
  const headers = ['content-type', 'application/json', 'user-agent', userAgent];
  for (const [name, value] of Object.entries(signature)) headers.push(name, value);
  headers.push('postrider-attempt', String(stamp.attempt));
  headers.push('postrider-cycle', String(stamp.cycle));
  headers.push('postrider-delivery', stamp.deliveryId);
  headers.push('accept-encoding', 'identity');
  for (const [name, value] of Object.entries(letter.protocolHeaders ?? {}))
    headers.push(name, value);
  for (const [name, value] of Object.entries(letter.headers)) {
    if (!isReserved(name)) headers.push(name, value);
  }
  return headers;
}

/** One request and its answer, on a connection of its own, within one deadline for everything. */
function exchange(
  { connections, lag }: { connections: Connections; lag: LagMeter },
  origin: string,
  request: Dispatcher.DispatchOptions,
  stamp: AttemptContext,
  stops: readonly AbortSignal[],
): Promise<WebhookResponse> {
  return new Promise((resolve, reject) => {
    const watch = startWatch(lag);
    let connection = connections.take(origin);
    const chunks: Buffer[] = [];
    let head: { statusCode: number; retryAfterMs: number | null } | null = null;
    let saysItsEnd = false;
    let bodyBytes = 0;
    let sent = false;
    let settled = false;

    const settle = (leave: (connection: Connection) => unknown) => {
      settled = true;
      clearTimeout(deadline);
      for (const stop of stops) waitingFor(stop).delete(cancel);
      leave(connection);
    };
    const respond = (leave: (connection: Connection) => unknown, cutOff: CutOff = null) => {
      if (settled || head === null) return;
      settle(leave);
      const { remoteAddress } = connection;
      const body = textOf(chunks);
      resolve({ kind: 'response', ...head, body, cutOff, remoteAddress, ...watch.read() });
    };
    const fail = (outcome: Failure) => {
      if (settled) return;
      // Its head has come: what there is of it says more than what is missing.
      if (head !== null) {
        if (outcome !== 'timeout') return respond(connections.destroy, 'connection_error');
        return respond(connections.destroy, saysItsEnd ? 'timeout' : 'no_end');
      }
      settle(connections.destroy);
      const error = outcome === 'connection_error' && sent ? BROKEN_OFF : ERRORS[outcome];
      resolve(failed(outcome, error, connection.remoteAddress, watch.read()));
    };
    const cancel = (reason: unknown) => {
      settle(connections.destroy);
      reject(reason);
    };
    let deadline = setTimeout(expire, stamp.timeoutMs);
    /** What we lagged is given back; and what has arrived meanwhile lies in the socket and is read first. */
    function expire(): void {
      const leftMs = watch.leftMs(stamp.timeoutMs);
      if (leftMs > 0) deadline = setTimeout(expire, leftMs);
      else setImmediate(() => setImmediate(fail, 'timeout'));
    }
    for (const stop of stops) waitingFor(stop).add(cancel);

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart() {
        sent = true;
      },
      onResponseStart(_controller, statusCode, headers) {
        // Hints that go before the answer.
        if (statusCode < 200) return;
        head = { statusCode, retryAfterMs: askedDelayMs(statusCode, headers, stamp.nowMs) };
        // It has no body, though its head may say otherwise; what follows belongs to no answer then.
        const length = firstOf(headers['content-length']);
        saysItsEnd = length !== undefined || headers['transfer-encoding'] !== undefined;
        if (BODILESS.has(statusCode) && Number(length ?? 0) > 0) respond(connections.destroy);
      },
      onResponseData(_controller, chunk) {
        if (settled) return;
        chunks.push(chunk.subarray(0, MOST_BODY_BYTES - bodyBytes));
        bodyBytes += chunk.length;
        if (bodyBytes >= MOST_BODY_BYTES) respond(connections.destroy);
      },
      onResponseEnd() {
        respond(connections.release);
      },
      onResponseError(_controller, error) {
        if (settled) return;
        const outcome = failureOf(error);
        if (isOurFault(error)) cancel(error);
        else if (
          outcome === 'connection_error' &&
          connection.isReused &&
          connections.isSilent(connection)
        ) {
          // The receiver hung up while the request was on its way, as it may with a connection that was idle.
          // A fresh one is no second attempt; should it have got both, the webhook-id tells.
          connections.destroy(connection);
          connection = connections.create(origin);
          connection.client.dispatch(request, handler);
        } else fail(outcome);
      },
    };
    connection.client.dispatch(request, handler);
  });
}

function failed(
  outcome: Failure,
  error: string,
  remoteAddress: string | null,
  times: Times,
): WebhookResponse {
  return { kind: 'failure', outcome, error, remoteAddress, ...times };
}

/** PostgreSQL takes no NUL in a text, and JSON.parse no byte order mark before one. */
function textOf(chunks: readonly Buffer[]): string {
  return withoutMark(Buffer.concat(chunks).toString('utf8').replaceAll('\u0000', ''));
}
