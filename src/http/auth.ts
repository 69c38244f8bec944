import type { Request, RequestHandler } from 'express';
import { callerLeft, Problem } from '../api/problem.ts';
import { neededCall, type Principal, type Route, requireCall } from '../api/route.ts';
import { remoteAddressOf } from './address.ts';
import { requireOwnPage, type Sessions } from './console/session.ts';
import { contextOf } from './context.ts';
import type { Limiters } from './limit.ts';
import { unauthorized } from './wrong-keys.ts';

/**
 * Who holds this key; `null` for a wrong, revoked or expired one, and for one that is not to be used from there.
 * `isFresh`: nothing remembered will do. `from`: where the call comes from; a key with networks needs it.
 */
export type Authenticate = (
  bearerKey: string,
  isFresh?: boolean,
  from?: string | null,
) => Promise<Principal | null>;

const BEARER = /^Bearer +(\S.{0,511})$/i;

/** The key that came with a request, if one did. */
function bearerOf(req: Request): string | undefined {
  return BEARER.exec(req.headers.authorization ?? '')?.[1]?.trimEnd();
}

/**
 * Finds out who calls, by the bearer key or, for the console's pages, by the session's cookie; or
 * answers 401. An address that shows too many wrong keys is answered 429 before its key is looked up.
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
    const shown = await shownKey(req, sessions, isFresh);
    if (shown === null) {
      const refusal = unauthorized('A key is required: Authorization: Bearer <key>.');
      await limiters.perAddress(req, res, (error?: unknown) => next(error ?? refusal));
      return;
    }
    const { key, sessionId } = shown;
    const principal = await limiters.wrongKeys.check(req, res, key, () =>
      authenticate(key, isFresh, remoteAddressOf(req)),
    );
    contextOf(res).principal = sessionId === undefined ? principal : { ...principal, sessionId };
    next();
  };
}

/** The header comes first: who sends one means it. @throws Problem 403 for a cookie from elsewhere */
async function shownKey(
  req: Request,
  sessions: Sessions,
  isFresh: boolean,
): Promise<{ key: string; sessionId?: string } | null> {
  if (req.headers.authorization !== undefined) {
    const key = bearerOf(req);
    return key === undefined ? null : { key };
  }
  const session = sessions.read(req);
  if (session === null) return null;
  requireOwnPage(req, session);
  if (!(await sessions.isLive(session, isFresh))) return null;
  return { key: session.key, sessionId: session.id };
}

/**
 * The one place where a role, and the scope of a key, meet a route.
 *
 * @param keepRefusal called before a known caller hears of it
 */
export function authorize(
  route: Route,
  keepRefusal: (req: Request, principal: Principal, requestId: string) => Promise<void>,
): RequestHandler {
  const needed = neededCall(route);
  return async (req, res, next) => {
    const { principal, requestId } = contextOf(res);
    try {
      requireRole(route, principal);
      requireCall(principal, needed);
    } catch (refusal) {
      if (principal !== null) await keepRefusal(req, principal, requestId);
      throw refusal;
    }
    next();
  };
}

function requireRole(
  { roles }: Route,
  principal: Principal | null,
): asserts principal is Principal {
  if (principal !== null && roles.includes(principal.role)) return;
  throw new Problem(403, 'forbidden', `This takes a key of role ${roles.join(' or ')}.`);
}
