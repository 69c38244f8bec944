import { createHash } from 'node:crypto';

/**
 * The receiver of one-off addresses: those of one tenant at one origin share one, with one set of
 * limits.
 *
 * @param tenant a merchant's or a key's id
 */
export function originReceiver(tenant: string, url: string): string {
  const { origin } = new URL(url);
  return `url_${createHash('sha256').update(`${tenant} ${origin}`).digest('base64url').slice(0, 26)}`;
}
