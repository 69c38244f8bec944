import type { Express, RequestHandler } from 'express';
import { z } from 'zod';
import { Problem } from '../problem.ts';
import type { Principal } from '../route.ts';
import { answerOf, send } from './answer.ts';
import type { Authenticate } from './auth.ts';
import { readBody } from './body.ts';
import { contextOf, named } from './context.ts';
import type { Limiters } from './limit.ts';
import { ticketOf } from './overload/ticket.ts';
import { refuseOtherSites, requireOwnPage, type Session, type Sessions } from './session.ts';
import { unauthorized } from './wrong-keys.ts';

const LIMIT_BYTES = 4096;
const PATH = '/console/session';
const login = z.strictObject({ key: z.string().trim().min(1).max(512) });

interface LoginParts {
  authenticate: Authenticate;
  sessions: Sessions;
  limiters: Limiters;
}

/** Logging in, asking who is logged in, logging out. Keys that are wrong count as those in a header do. */
export function mountLogin(app: Express, { authenticate, sessions, limiters }: LoginParts): void {
  const post: RequestHandler = async (req, res) => {
    refuseOtherSites(req);
    const body = await readBody(req, { limitBytes: LIMIT_BYTES, textTypes: [] }, ticketOf(req));
    const { key } = login.parse(body.value);
    const principal = await limiters.wrongKeys.check(req, res, key, (shown) => authenticate(shown));
    if (principal.role === 'producer') {
      throw new Problem(403, 'forbidden', 'The console is for operators and merchants.');
    }
    contextOf(res).principal = principal;
    const { session, cookie } = await sessions.begin(req, key, principal.keyId);
    res.setHeader('set-cookie', cookie);
    send(res, answerOf({ status: 201, body: view(principal, session) }));
  };

  const get: RequestHandler = async (req, res) => {
    refuseOtherSites(req);
    const session = sessions.read(req);
    const isLive = session !== null && (await sessions.isLive(session, true));
    const principal = isLive ? await authenticate(session.key) : null;
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
    if (session !== null) await sessions.end(session);
    send(res, answerOf({ status: 204 }));
  };

  const limit = limiters.perAddress;
  app.route(PATH).all(named(PATH), limit).get(get).post(post).delete(remove).all(otherMethod);
}

const otherMethod: RequestHandler = () => {
  throw new Problem(405, 'method_not_allowed', 'This address takes GET, POST, DELETE.', {
    headers: { allow: 'GET, HEAD, POST, DELETE' },
  });
};

function view({ role, merchantId, name, keyId }: Principal, { csrfToken, endsAtMs }: Session) {
  return { role, merchantId, name, keyId, csrfToken, endsAt: new Date(endsAtMs).toISOString() };
}
