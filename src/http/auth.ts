import type { Request, RequestHandler } from 'express';
import { callerLeft, Problem } from '../problem.ts';
import type { Principal, Route } from '../route.ts';
import { contextOf } from './context.ts';
import type { Limiters } from './limit.ts';
import { requireOwnPage, type Sessions } from './session.ts';

/** Who holds this key; `null` for a wrong, revoked or expired one. `isFresh`: nothing remembered will do. */
export type Authenticate = (bearerKey: string, isFresh?: boolean) => Promise<Principal | null>;

const BEARER = /^Bearer +(\S.{0,511})$/i;

/** The key that came with a request, if one did. */
export function bearerOf(req: Request): string | undefined {
  return BEARER.exec(req.headers.authorization ?? '')?.[1]?.trimEnd();
}

/**
 * Finds out who calls, by the bearer key or, for the console's pages, by the session's cookie; or
 * answers 401. Wrong keys are counted by address and end in 429; a right key from the same address
 * goes on working, so that one neighbour behind a NAT locks nobody out.
 *
 * @param isFresh whether the key is looked up in any case
 */
export function identify(
  authenticate: Authenticate,
  sessions: Sessions,
  limiters: Limiters,
  isFresh = false,
): RequestHandler {
  return async (req, res, next) => {
    // It may ask the database.
    if (req.socket.destroyed) throw callerLeft();
    const key = shownKey(req, sessions);
    const principal = key === null ? null : await authenticate(key, isFresh);
    if (principal !== null) {
      contextOf(res).principal = principal;
      next();
      return;
    }
    const [limit, detail] =
      key === null
        ? [limiters.perAddress, 'A key is required: Authorization: Bearer <key>.']
        : [limiters.wrongKeysPerAddress, 'This key is wrong, expired or revoked.'];
    await limit(req, res, (error?: unknown) => next(error ?? unauthorized(detail)));
  };
}

/** The header comes first: who sends one means it. @throws Problem 403 for a cookie from elsewhere */
function shownKey(req: Request, sessions: Sessions): string | null {
  if (req.headers.authorization !== undefined) return bearerOf(req) ?? null;
  const session = sessions.read(req);
  if (session === null) return null;
  requireOwnPage(req, session);
  return session.key;
}

/**
 * The one place where a role meets a route.
 *
 * @param keepRefusal called before a known caller hears of it
 */
export function authorize(
  route: Route,
  keepRefusal: (req: Request, principal: Principal, requestId: string) => Promise<void>,
): RequestHandler {
  return async (req, res, next) => {
    const { principal, requestId } = contextOf(res);
    if (principal !== null && route.roles.includes(principal.role)) {
      next();
      return;
    }
    if (principal !== null) await keepRefusal(req, principal, requestId);
    throw new Problem(403, 'forbidden', `This takes a key of role ${route.roles.join(' or ')}.`);
  };
}

export function unauthorized(detail: string): Problem {
  return new Problem(401, 'unauthorized', detail, { headers: { 'www-authenticate': 'Bearer' } });
}
