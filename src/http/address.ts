import type { Request } from 'express';
import { ipKeyGenerator } from 'express-rate-limit';

/** Where a call comes from, as far as `TRUST_PROXY` believes those who passed it on. */
export function remoteAddressOf(req: Request): string | null {
  return req.ip ?? null;
}

/** What limits go by: of IPv6 the network that one customer gets, as each has plenty of addresses. */
export function limitedAddressOf(req: Request): string {
  return ipKeyGenerator(req.ip ?? '');
}
