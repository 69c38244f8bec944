import { createHash } from 'node:crypto';
import { callerLeft } from '../../api/problem.ts';
import type { Format } from './accepts.ts';
import { type Export, render } from './render.ts';

/**
 * The value of `Repr-Digest` (RFC 9530): of the very bytes that are about to be sent. A header goes before
 * them, so the form is rendered for its digest and then once more for the answer, of the same kept rows.
 * That of a statement's CSV form is known from when its rows were summed up. (Rejected: a trailer, which few
 * clients show; and keeping the rendered bytes, which takes another file as large as the answer.)
 *
 * @param isGone whether the caller has hung up
 * @throws Overload when it has: nobody waits for the rest
 */
export async function reprDigest(
  given: Export,
  format: Format,
  isGone: () => boolean,
): Promise<string> {
  const { csvSha256 } = given;
  if (format === 'text/csv' && csvSha256 !== null) return fieldOf(Buffer.from(csvSha256, 'hex'));
  const hash = createHash('sha256');
  for await (const piece of render(given, format)) {
    if (isGone()) throw callerLeft();
    hash.update(piece);
  }
  return fieldOf(hash.digest());
}

function fieldOf(sha256: Buffer): string {
  return `sha-256=:${sha256.toString('base64')}:`;
}
