import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { Problem } from '../problem.ts';
import type { SecretBox } from '../secrets.ts';

const COOKIE = 'postrider_session';
/** Where a sealed session belongs: nothing else that is sealed can be passed off as one. */
const CONTEXT = 'console-session';
const HOUR = 3600 * 1000;
/**
 * Not prolonged by use: a console left open ends with the shift, and a copied cookie with it. A key
 * that expires or is revoked ends its sessions: at once for what changes something, within a second or so for the rest.
 */
const SESSION_MS = 12 * HOUR;
const CSRF_BYTES = 24;
const CSRF_HEADER = 'x-csrf-token';
const MAX_COOKIE_CHARACTERS = 4096;

const session = z.object({ key: z.string(), csrfToken: z.string(), endsAtMs: z.number() });

/** What the browser's cookie stands for. */
export type Session = z.output<typeof session>;

/** Logins of the console: a bearer key in a cookie that only this gateway can read. */
export interface Sessions {
  /** @returns the session, and the `Set-Cookie` that hands it to the browser */
  begin(req: IncomingMessage, key: string): { session: Session; cookie: string };
  /** The request's session; `null` where there is none, or none that still runs. */
  read(req: IncomingMessage): Session | null;
  /** The `Set-Cookie` that takes it away. */
  end(req: IncomingMessage): string;
}

/**
 * The cookie holds the key itself, sealed with AES-GCM: every process that shares the encryption key
 * knows it, nothing is stored, and each request is authenticated by the key as if it had come in
 * `Authorization`. (Rejected: a table of random ids. It would end a copied cookie at logout, for a
 * look into the database with every request; a key under suspicion has to be revoked anyway.)
 */
export function createSessions(box: SecretBox, nowMs: () => number = Date.now): Sessions {
  return {
    begin(req, key) {
      const csrfToken = randomBytes(CSRF_BYTES).toString('base64url');
      const begun: Session = { key, csrfToken, endsAtMs: nowMs() + SESSION_MS };
      const sealed = box.seal(JSON.stringify(begun), CONTEXT);
      return { session: begun, cookie: cookieText(req, sealed, SESSION_MS / 1000) };
    },
    read(req) {
      const sealed = cookieOf(req);
      if (sealed === null) return null;
      const opened = open(box, sealed);
      return opened !== null && opened.endsAtMs > nowMs() ? opened : null;
    },
    end: (req) => cookieText(req, '', 0),
  };
}

function open(box: SecretBox, sealed: string): Session | null {
  try {
    return session.parse(JSON.parse(box.open(sealed, CONTEXT)));
  } catch {
    return null;
  }
}

function cookieOf(req: IncomingMessage): string | null {
  for (const part of (req.headers.cookie ?? '').split(';')) {
    const [name, value = ''] = part.trim().split('=', 2);
    if (name === COOKIE && value !== '' && value.length <= MAX_COOKIE_CHARACTERS) return value;
  }
  return null;
}

/**
 * `Secure` where the page came by https, which the browser itself says in `Origin`: behind a proxy
 * our own socket does not know, and `X-Forwarded-Proto` may be anybody's.
 */
function cookieText(req: IncomingMessage, value: string, maxAgeSeconds: number): string {
  const isHttps = req.headers.origin?.startsWith('https://') ?? false;
  const flags = `Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict`;
  return `${COOKIE}=${value}; ${flags}${isHttps ? '; Secure' : ''}`;
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
