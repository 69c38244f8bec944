import type { RequestListener } from 'node:http';
import { requestIdOf } from '../request-id.ts';

const HEADERS = {
  'Content-Type': 'application/problem+json',
  'Cache-Control': 'no-store',
  'Retry-After': '1',
};
const BEFORE_INSTANCE =
  '{"type":"about:blank","title":"Service Unavailable","status":503,' +
  '"detail":"There is more to do than can be done now. Try again shortly.",' +
  '"code":"unavailable","instance":';

/**
 * Answers 503 with as little work as will do, because it is done thousands of times a second when there
 * is no time for anything: no router, no headers one by one. The connection stays open, as a new one
 * would cost more; of a body that still comes Node lets go by itself.
 *
 * @param keepAliveMs how long the server keeps idle connections, which callers are told
 */
export function createRefusal(keepAliveMs: number): RequestListener {
  const seconds = Math.floor(keepAliveMs / 1000);
  const head = [
    'HTTP/1.1 503 Service Unavailable',
    ...Object.entries(HEADERS).map(([name, value]) => `${name}: ${value}`),
    'Connection: keep-alive',
    `Keep-Alive: timeout=${seconds}`,
    'X-Request-Id: ',
  ].join('\r\n');

  return (req, res) => {
    const requestId = requestIdOf(req);
    const [path = ''] = (req.url ?? '').split('?', 1);
    const body = `${BEFORE_INSTANCE}${JSON.stringify(path)},"requestId":"${requestId}"}`;
    const length = Buffer.byteLength(body);
    // A request that Node answers in a way of its own: the last one of a connection, or by its head alone.
    if (!res.shouldKeepAlive || req.method === 'HEAD' || length !== body.length) {
      res.writeHead(503, { ...HEADERS, 'X-Request-Id': requestId, 'Content-Length': length });
      res.end(body);
      return;
    }
    // Ready made it goes out by one plain write. By `res.writeHead` and `res.end(body)` Node joins two for
    // each answer, which takes a fifth longer, and a quarter of what is left for real calls with it.
    res.statusCode = 503;
    (res as unknown as Prepared)._header =
      `${head}${requestId}\r\nContent-Length: ${length}\r\n\r\n${body}`;
    res.end();
  };
}

/** Node's own name for the head that is still to be sent. */
interface Prepared {
  _header: string;
}
