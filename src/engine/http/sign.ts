import { createHmac, randomBytes } from 'node:crypto';

/** Signatures as Standard Webhooks 1.0 defines them. */
const SECRET_PREFIX = 'whsec_';
const NEW_SECRET_BYTES = 32;
const SHORTEST_SECRET_BYTES = 24;
const LONGEST_SECRET_BYTES = 64;

/** What is signed: the id, the attempt's time in whole seconds, and the exact bytes. */
interface Signable {
  webhookId: string;
  timestampSeconds: number;
  body: string | Buffer;
  /** `whsec_…`, at least one; each of them signs. */
  secrets: readonly string[];
}

interface SignatureHeaders {
  'webhook-id': string;
  'webhook-timestamp': string;
  'webhook-signature': string;
}

/** @throws TypeError without secrets, or when one is no secret; the message doesn't show it */
export function signatureHeaders(signable: Signable): SignatureHeaders {
  const { webhookId, timestampSeconds, body, secrets } = signable;
  if (secrets.length === 0) throw new TypeError('Nothing is sent unsigned.');
  const signatures = secrets.map((secret) => {
    // Decoding costs a tenth of the HMAC: not worth a cache that keeps keys in memory.
    const hmac = createHmac('sha256', keyOf(secret));
    hmac.update(`${webhookId}.${timestampSeconds}.`);
    hmac.update(body);
    return `v1,${hmac.digest('base64')}`;
  });
  return {
    'webhook-id': webhookId,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': signatures.join(' '),
  };
}

/** A new `whsec_…` secret of 32 random bytes. */
export function newSecret(): string {
  return SECRET_PREFIX + randomBytes(NEW_SECRET_BYTES).toString('base64');
}

/**
 * A secret as it is kept: `whsec_` and 24 to 64 bytes in base64 with padding.
 *
 * @param text may be unpadded, or base64url
 * @returns null when it is none
 */
export function spellSecret(text: string): string | null {
  if (!text.startsWith(SECRET_PREFIX)) return null;
  const given = text.slice(SECRET_PREFIX.length);
  const base64 = Buffer.from(given, 'base64').toString('base64');
  const plain = given.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
  if (plain !== base64.replace(/=+$/, '')) return null;
  const secret = SECRET_PREFIX + base64;
  return decode(secret) === null ? null : secret;
}

function keyOf(secret: string): Buffer {
  const key = decode(secret);
  if (key === null) throw new TypeError('This is not a signing secret.');
  return key;
}

function decode(secret: string): Buffer | null {
  if (!secret.startsWith(SECRET_PREFIX)) return null;
  const base64 = secret.slice(SECRET_PREFIX.length);
  const key = Buffer.from(base64, 'base64');
  if (key.length < SHORTEST_SECRET_BYTES || key.length > LONGEST_SECRET_BYTES) return null;
  return key.toString('base64') === base64 ? key : null;
}
