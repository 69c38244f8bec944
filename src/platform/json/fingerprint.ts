import { createHash } from 'node:crypto';

/**
 * Tells the same content from another one under the same id. A member that is null says no more than
 * one that is absent, but within a payload, which is the producer's own.
 */
export function fingerprintOf(content: object): string {
  return exactFingerprintOf(withoutNulls(content) as object);
}

/** The same where a null is another content than nothing. */
export function exactFingerprintOf(content: object): string {
  return createHash('sha256').update(canonical(content)).digest('base64url');
}

/** JSON with sorted names: the same content gives the same text, whatever its order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== null)
      .map(([name, member]) => [name, name === 'payload' ? member : withoutNulls(member)]),
  );
}
