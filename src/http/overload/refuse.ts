import type { RequestListener } from 'node:http';
import { requestIdOf } from '../request/request-id.ts';

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
 * Answers 503 with little work, because it is done thousands of times a second when there is no time for
 * anything: before the router and its middleware, and most of the body is ready made. The connection stays open, as
 * a new one would cost more; of a body that still comes Node lets go by itself. (Rejected: the whole answer
 * as one prepared write. It saves a fifth, by a name inside of Node that the next version may change.)
 */
export const refuse: RequestListener = (req, res) => {
  const requestId = requestIdOf(req);
  const [path = ''] = (req.url ?? '').split('?', 1);
  const body = `${BEFORE_INSTANCE}${JSON.stringify(path)},"requestId":"${requestId}"}`;
  const length = Buffer.byteLength(body);
  res.writeHead(503, { ...HEADERS, 'X-Request-Id': requestId, 'Content-Length': length });
  res.end(body);
};
