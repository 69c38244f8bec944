import type { Request, RequestHandler } from 'express';
import { Problem } from '../problem.ts';
import type { Principal, Route } from '../route.ts';
import { contextOf } from './context.ts';
import type { Limiters } from './limit.ts';

/** Who holds this key; `null` for a wrong, revoked or expired one. */
export type Authenticate = (bearerKey: string) => Promise<Principal | null>;

const BEARER = /^Bearer +(\S.{0,511})$/i;

/** The key that came with a request, if one did. */
export function bearerOf(req: Request): string | undefined {
  return BEARER.exec(req.headers.authorization ?? '')?.[1]?.trimEnd();
}

/**
 * Finds out who calls, or answers 401. Wrong keys are counted by address and end in 429; a right key
 * from the same address goes on working, so that one neighbour behind a NAT locks nobody out.
 */
export function identify(authenticate: Authenticate, limiters: Limiters): RequestHandler {
  return async (req, res, next) => {
    const key = bearerOf(req);
    const principal = key === undefined ? null : await authenticate(key);
    if (principal !== null) {
      contextOf(res).principal = principal;
      next();
      return;
    }
    const limit = key === undefined ? limiters.perAddress : limiters.wrongKeysPerAddress;
    await limit(req, res, (error?: unknown) => next(error ?? unauthorized(key)));
  };
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

function unauthorized(key: string | undefined): Problem {
  const detail =
    key === undefined
      ? 'A key is required: Authorization: Bearer <key>.'
      : 'This key is wrong, expired or revoked.';
  return new Problem(401, 'unauthorized', detail, { headers: { 'www-authenticate': 'Bearer' } });
}
