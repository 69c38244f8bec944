import { createHash } from 'node:crypto';

/** Tells the same content from another one under the same id. */
export function fingerprintOf(content: object): string {
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
