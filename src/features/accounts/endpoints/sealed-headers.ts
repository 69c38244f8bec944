import { invalid } from '../../../api/problem.ts';
import type { SecretBox } from '../../../platform/secrets/secret-box.ts';
import { headersContext } from '../signing/secret-contexts.ts';

export type Headers = Record<string, string>;

/** What callers see in place of a value; sent back in a change, it keeps what is there. */
const MASK = '***';

/** As they are stored: sealed, and the names for whoever reads the endpoint. */
export interface StoredHeaders {
  shown: Headers;
  /** null: there are none. */
  sealed: string | null;
}

export function masked(headers: Headers): Headers {
  return Object.fromEntries(Object.keys(headers).map((name) => [name, MASK]));
}

export function sealHeaders(
  secrets: SecretBox,
  endpointId: string,
  headers: Headers,
): StoredHeaders {
  const isEmpty = Object.keys(headers).length === 0;
  const sealed = isEmpty ? null : secrets.seal(JSON.stringify(headers), headersContext(endpointId));
  return { shown: masked(headers), sealed };
}

/**
 * The headers of an endpoint with their values.
 *
 * @param open opens what is sealed
 * @throws what `open` throws
 */
export function openHeaders(
  open: (sealed: string, context: string) => string,
  { id, headers, sealedHeaders }: { id: string; headers: Headers; sealedHeaders: string | null },
): Headers {
  return sealedHeaders === null ? headers : JSON.parse(open(sealedHeaders, headersContext(id)));
}

/**
 * What a change makes of the headers: a masked value stays what it was.
 *
 * @param before null: there is nothing that could stay
 * @throws Problem 422 for a mask without a value behind it
 */
export function withKept(given: Headers, before: Headers | null): Headers {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      if (value !== MASK) return [name, value];
      const kept = before !== null && Object.hasOwn(before, name) ? before[name] : undefined;
      if (kept === undefined) {
        throw invalid(
          `body.headers.${name}`,
          `${MASK} stands for a value that is kept; there is none.`,
        );
      }
      return [name, kept];
    }),
  );
}
