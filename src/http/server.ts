import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Problem } from '../api/problem.ts';
import { newToken } from '../platform/ids.ts';
import { send } from './answer.ts';
import { problemAnswer, rawProblem } from './errors.ts';
import type { Admission } from './overload/admission.ts';
import { refuse as refuseQuickly } from './overload/refuse.ts';
import { cutOffSlowReaders, expectAnswer } from './request/unread.ts';

const SECOND = 1000;
const KIB = 1024;

/** What one client may hold, and for how long. */
export interface ServerLimits {
  /** Beyond these, new connections are closed at once. */
  maxConnections: number;
  maxHeaderBytes: number;
  /** Until the last header is there. */
  headersTimeoutMs: number;
  /** Until the last byte of the body is there. */
  requestTimeoutMs: number;
  /** Between two requests. */
  keepAliveTimeoutMs: number;
  /** Without a byte in either direction. */
  silenceTimeoutMs: number;
  /** While an answer lies here and next to nothing of it is taken. */
  unreadTimeoutMs: number;
}

const DEFAULT_LIMITS: ServerLimits = {
  maxConnections: 5000,
  maxHeaderBytes: 16 * KIB,
  headersTimeoutMs: 10 * SECOND,
  requestTimeoutMs: 60 * SECOND,
  // Longer than the minute for which load balancers usually keep theirs.
  keepAliveTimeoutMs: 65 * SECOND,
  silenceTimeoutMs: 120 * SECOND,
  unreadTimeoutMs: 30 * SECOND,
};

/** How often Node looks for overdue requests; its default of 30 s would stretch them all. */
const CHECK_INTERVAL_MS = SECOND;
const CLOSING_CHECK_MS = 50;

export interface HttpServer {
  /** @throws what the socket says, such as `EADDRINUSE` */
  listen(port: number, host: string): Promise<AddressInfo>;
  /** Takes no more, lets running requests end, cuts off what is left when the time is up. */
  close(deadlineMs: number): Promise<void>;
}

/** @param admission when absent, every request is let in */
export function createServer(
  app: RequestListener,
  given: Partial<ServerLimits> = {},
  admission?: Pick<Admission, 'admit' | 'connected'>,
): HttpServer {
  const limits = { ...DEFAULT_LIMITS, ...given };
  const server = createHttpServer({
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, limits.headersTimeoutMs),
    // Checked below: Node's own refusal has no body.
    requireHostHeader: false,
  });
  server.maxConnections = limits.maxConnections;
  server.timeout = limits.silenceTimeoutMs;
  // Node does not count a connection as idle before its first request, but those must go too.
  const silent = new Set<Socket>();
  const slowReaders = cutOffSlowReaders(limits.unreadTimeoutMs);
  server.on('connection', (socket) => {
    admission?.connected(socket);
    slowReaders.connected(socket);
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  const ways = { begin: app, refuse: refuseQuickly };
  let isClosing = false;
  server.on('request', (req, res) => {
    silent.delete(req.socket);
    expectAnswer(res);
    if (isClosing) res.shouldKeepAlive = false;
    if (!hasItsHost(req)) {
      refuse(res, new Problem(400, 'malformed_request', 'A request needs the header Host, once.'));
    } else if (admission === undefined) {
      app(req, res);
    } else {
      admission.admit(req, res, ways);
    }
  });
  // Any expectation but 100-continue.
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => {
    silent.delete(req.socket);
    refuse(res, new Problem(417, 'expectation_failed', 'Only 100-continue may be expected.'));
  });
  server.on('clientError', answerUnreadable);
  return {
    listen: (port, host) => listen(server, port, host),
    close(deadlineMs) {
      isClosing = true;
      return close(server, silent, deadlineMs).finally(slowReaders.close);
    },
  };
}

/** Two of them, and a proxy may go by the one while Node goes by the other. */
function hasItsHost({ httpVersion, rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts === 1 || (hosts === 0 && httpVersion !== '1.1');
}

function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo);
    });
  });
}

function close(server: Server, silent: Set<Socket>, deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    // A connection whose answer ends while we close would idle on until its keep-alive is over.
    const check = setInterval(() => {
      server.closeIdleConnections();
      for (const socket of silent) socket.destroy();
    }, CLOSING_CHECK_MS);
    const deadline = setTimeout(() => server.closeAllConnections(), deadlineMs);
    server.close(() => {
      clearInterval(check);
      clearTimeout(deadline);
      resolve();
    });
  });
}

const UNREADABLE: Record<string, [status: number, code: string, detail: string]> = {
  HPE_HEADER_OVERFLOW: [431, 'headers_too_large', 'The headers are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'request_timeout', 'The request took too long to arrive.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'payload_too_large', 'The chunk extensions are too large.'],
};

/** Answers what the application is not to see, and ends the connection. */
function refuse(res: ServerResponse, problem: Problem): void {
  const requestId = newToken();
  const answer = problemAnswer(problem, { requestId, instance: '' });
  res.shouldKeepAlive = false;
  // What is left unread would reset the connection under the answer.
  res.req.resume();
  res.setHeader('x-request-id', requestId);
  res.setHeader('cache-control', 'no-store');
  send(res, answer);
}

/** A request that never became one: the rest of the application has not seen it. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  // As Node itself does it: never write into an answer that has begun.
  const { _httpMessage: begun } = socket as Duplex & { _httpMessage?: ServerResponse | null };
  if (!socket.writable || error.code === 'ECONNRESET' || begun?.headersSent) {
    socket.destroy();
    return;
  }
  const [status, code, detail] = UNREADABLE[error.code ?? ''] ?? [
    400,
    'malformed_request',
    'This is not a valid HTTP request.',
  ];
  socket.end(rawProblem(new Problem(status, code, detail), newToken()));
}
