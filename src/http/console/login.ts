import type { Express, Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { Problem } from '../../api/problem.ts';
import type { Principal } from '../../api/route.ts';
import { remoteAddressOf } from '../address.ts';
import { answerOf, send } from '../answer.ts';
import type { AuditEntry, AuditTrail } from '../audit.ts';
import type { Authenticate } from '../auth.ts';
import { contextOf, named } from '../context.ts';
import { problemOf } from '../errors.ts';
import type { Limiters } from '../limit.ts';
import { ticketOf } from '../overload/ticket.ts';
import { readBody } from '../request/body.ts';
import { unauthorized } from '../wrong-keys.ts';
import { refuseOtherSites, requireOwnPage, type Session, type Sessions } from './session.ts';

const LIMIT_BYTES = 4096;
const PATH = '/console/session';
const login = z.strictObject({ key: z.string().trim().min(1).max(512) });

interface LoginParts {
  authenticate: Authenticate;
  sessions: Sessions;
  limiters: Limiters;
  audit: AuditTrail;
}

/**
 * Logging in, asking who is logged in, logging out. Keys that are wrong count as those in a header do. Logins,
 * those that fail among them, and logouts are in the audit log.
 */
export function mountLogin(
  app: Express,
  { authenticate, sessions, limiters, audit }: LoginParts,
): void {
  const keep = loginsIn(audit);
  const post: RequestHandler = async (req, res) => {
    refuseOtherSites(req);
    const body = await readBody(req, { limitBytes: LIMIT_BYTES, textTypes: [] }, ticketOf(req));
    const { key } = login.parse(body.value);
    const principal = await limiters.wrongKeys
      .check(req, res, key, (shown) => authenticate(shown, false, remoteAddressOf(req)))
      .catch(async (error) => {
        const { status } = problemOf(error);
        // Of our own faults the log has a line.
        if (status < 500) await keep(req, res, 'begin', NOBODY, status);
        throw error;
      });
    if (principal.role === 'producer') {
      await keep(req, res, 'begin', principal, 403);
      throw new Problem(403, 'forbidden', 'The console is for operators and merchants.');
    }
    contextOf(res).principal = principal;
    const { session, cookie } = await sessions.begin(req, key, principal.keyId);
    await keep(req, res, 'begin', principal, 201, session.id);
    res.setHeader('set-cookie', cookie);
    send(res, answerOf({ status: 201, body: view(principal, session) }));
  };

  const get: RequestHandler = async (req, res) => {
    refuseOtherSites(req);
    const session = sessions.read(req);
    const isLive = session !== null && (await sessions.isLive(session, true));
    const principal = isLive ? await authenticate(session.key, false, remoteAddressOf(req)) : null;
    if (session === null || principal === null) throw unauthorized('Nobody is logged in.');
    contextOf(res).principal = principal;
    send(res, answerOf({ status: 200, body: view(principal, session) }));
  };

  /** Also where the key is gone by now: whoever leaves must be able to. */
  const remove: RequestHandler = async (req, res) => {
    const session = sessions.read(req);
    if (session !== null) requireOwnPage(req, session);
    // First, so that the browser forgets it even where the database does not answer.
    res.setHeader('set-cookie', sessions.cleared(req));
    if (session !== null) {
      const isLive = await sessions.isLive(session, true);
      const principal = isLive ? await authenticate(session.key) : null;
      await sessions.end(session);
      if (principal !== null) await keep(req, res, 'end', principal, 204, session.id);
    }
    send(res, answerOf({ status: 204 }));
  };

  const limit = limiters.perAddress;
  app.route(PATH).all(named(PATH), limit).get(get).post(post).delete(remove).all(otherMethod);
}

const NOBODY = { keyId: 'nobody', role: 'nobody', name: 'nobody', merchantId: null } as const;

function loginsIn(audit: AuditTrail) {
  return async (
    req: Request,
    res: Response,
    what: 'begin' | 'end',
    principal: AuditEntry['principal'],
    status: number,
    sessionId: string | null = null,
  ): Promise<void> => {
    const id = await audit.begin({
      principal,
      action: `session.${what}`,
      object: { kind: 'session', id: sessionId },
      merchantId: principal.merchantId,
      reason: null,
      asked: null,
      before: null,
      requestId: contextOf(res).requestId,
      remoteAddress: remoteAddressOf(req),
    });
    await audit.end(id, { status, after: null });
  };
}

const otherMethod: RequestHandler = () => {
  throw new Problem(405, 'method_not_allowed', 'This address takes GET, POST, DELETE.', {
    headers: { allow: 'GET, HEAD, POST, DELETE' },
  });
};

function view({ role, merchantId, name, keyId }: Principal, { csrfToken, endsAtMs }: Session) {
  return { role, merchantId, name, keyId, csrfToken, endsAt: new Date(endsAtMs).toISOString() };
}
