import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { Problem } from '../../api/problem.ts';
import type { SecretBox } from '../../platform/secrets/secret-box.ts';
import type { SessionStore } from './session-store.ts';

const COOKIE = 'postrider_session';
/**
 * Browsers take this name over https alone, and from this very host: no page of a sibling domain, and nobody
 * who can answer for us in plain http, can put a session of their own in its place.
 */
const HOST_COOKIE = `__Host-${COOKIE}`;
/** Where a sealed session belongs: nothing else that is sealed can be passed off as one. */
const CONTEXT = 'console-session';
const HOUR = 3600 * 1000;
/**
 * Not prolonged by use: a console left open ends with the shift. Logging out ends a session before, and so does a
 * key that expires or is revoked: at once for what changes something, within a second or so for the rest.
 */
const SESSION_MS = 12 * HOUR;
/** So long a process goes on knowing that a session runs, where nothing is changed. */
const KNOWN_MS = 1000;
const MAX_KNOWN = 10_000;
const CSRF_BYTES = 24;
const ID_BYTES = 16;
const CSRF_HEADER = 'x-csrf-token';
const MAX_COOKIE_CHARACTERS = 4096;

const session = z.object({
  id: z.string(),
  key: z.string(),
  csrfToken: z.string(),
  endsAtMs: z.number(),
});

/** What the browser's cookie stands for. */
export type Session = z.output<typeof session>;

/** Logins of the console: a bearer key in a cookie that only this gateway can read. */
export interface Sessions {
  /** @returns the session, and the `Set-Cookie` that hands it to the browser */
  begin(req: Request, key: string, keyId: string): Promise<{ session: Session; cookie: string }>;
  /** What the request's cookie says; `null` where there is none, or its time is up. It may have been ended. */
  read(req: Request): Session | null;
  /**
   * Whether it still runs, in whichever process it was ended.
   *
   * @param isFresh asks the database in any case
   */
  isLive(session: Session, isFresh: boolean): Promise<boolean>;
  /** Ends it in every process, and every copy of its cookie with it. */
  end(session: Session): Promise<void>;
  /** The `Set-Cookie`s that take away what the request brought. */
  cleared(req: Request): string[];
}

/**
 * The cookie holds the key itself and the session's id, sealed with AES-GCM: each request is authenticated
 * by the key as if it had come in `Authorization`, and the id has a row for as long as the session
 * runs. (Rejected: the sealed key alone. A copy of the cookie would outlive the logout by hours.)
 */
export function createSessions(
  box: SecretBox,
  store: SessionStore,
  nowMs: () => number = Date.now,
): Sessions {
  const known = new LRUCache<string, true>({ max: MAX_KNOWN, ttl: KNOWN_MS });
  return {
    async begin(req, key, keyId) {
      const id = randomBytes(ID_BYTES).toString('base64url');
      const csrfToken = randomBytes(CSRF_BYTES).toString('base64url');
      const begun: Session = { id, key, csrfToken, endsAtMs: nowMs() + SESSION_MS };
      await store.begin({ id, keyId, lastsMs: SESSION_MS });
      const sealed = box.seal(JSON.stringify(begun), CONTEXT);
      const name = isHttps(req) ? HOST_COOKIE : COOKIE;
      return { session: begun, cookie: cookieText(name, sealed, SESSION_MS / 1000) };
    },
    read(req) {
      const sealed = cookieOf(req);
      if (sealed === null) return null;
      const opened = open(box, sealed);
      return opened !== null && opened.endsAtMs > nowMs() ? opened : null;
    },
    async isLive({ id }, isFresh) {
      if (!isFresh && known.has(id)) return true;
      const isLive = (await store.findLive([id])).has(id);
      if (isLive) known.set(id, true);
      else known.delete(id);
      return isLive;
    },
    async end({ id }) {
      known.delete(id);
      await store.end(id);
    },
    cleared(req) {
      const brought = new Set(cookiesOf(req).map(({ name }) => name));
      return [HOST_COOKIE, COOKIE]
        .filter((name) => brought.has(name))
        .map((name) => cookieText(name, '', 0));
    },
  };
}

function open(box: SecretBox, sealed: string): Session | null {
  try {
    return session.parse(JSON.parse(box.open(sealed, CONTEXT)));
  } catch {
    return null;
  }
}

function cookiesOf(req: IncomingMessage): { name: string; value: string }[] {
  return (req.headers.cookie ?? '').split(';').map((part) => {
    const [name = '', value = ''] = part.trim().split('=', 2);
    return { name, value };
  });
}

/** The plain name counts where no trusted proxy says that the call came by https: `Origin` does not come with a GET. */
function cookieOf(req: Request): string | null {
  const cookies = cookiesOf(req).filter(
    ({ value }) => value !== '' && value.length <= MAX_COOKIE_CHARACTERS,
  );
  const ofHost = cookies.find(({ name }) => name === HOST_COOKIE);
  const plain = req.secure ? undefined : cookies.find(({ name }) => name === COOKIE);
  return (ofHost ?? plain)?.value ?? null;
}

/**
 * Whether the page that logs in came by https: the browser says so in `Origin` of what it posts, and a proxy
 * in `X-Forwarded-Proto`, which counts from those in `TRUST_PROXY` alone.
 */
function isHttps(req: Request): boolean {
  return req.secure || (req.headers.origin?.startsWith('https://') ?? false);
}

function cookieText(name: string, value: string, maxAgeSeconds: number): string {
  const flags = `Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict`;
  return `${name}=${value}; ${flags}${name === HOST_COOKIE ? '; Secure' : ''}`;
}

/**
 * A cookie comes along whoever makes the browser call. So it counts only for our own pages, and to
 * change something the page must also know the session's token.
 *
 * @throws Problem 403 `cross_site` or `csrf_required`
 */
export function requireOwnPage(req: IncomingMessage, { csrfToken }: Session): void {
  refuseOtherSites(req);
  if (req.method === 'GET' || req.method === 'HEAD') return;
  const given = Buffer.from(String(req.headers[CSRF_HEADER] ?? ''));
  const wanted = Buffer.from(csrfToken);
  if (given.length === wanted.length && timingSafeEqual(given, wanted)) return;
  throw new Problem(403, 'csrf_required', 'Calls by cookie need the header X-CSRF-Token.');
}

/**
 * Browsers say in `Sec-Fetch-Site` where a call comes from, and a page cannot change it. Over plain
 * http they leave it out; then `Origin`, if there is one, must name the host that was called.
 */
export function refuseOtherSites(req: IncomingMessage): void {
  const site = req.headers['sec-fetch-site'];
  const { origin, host } = req.headers;
  const isOwn =
    site === undefined
      ? origin === undefined || hostOf(origin) === host
      : site === 'same-origin' || site === 'none';
  if (!isOwn) throw new Problem(403, 'cross_site', 'This call came from a page of another site.');
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
