import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Sql } from '../../db/client.ts';
import { invalid, notFound } from '../../problem.ts';
import { type Principal, type Reply, type Role, type Route, route } from '../../route.ts';
import { businessKey, foundResults, MAX_HISTORY, MAX_KEYS, result } from './contract.ts';
import { examples } from './examples.ts';
import { findLatest, findResult, type Latest, type ResultScope } from './store.ts';

const KIB = 1024;
/** For as many keys as may be, each as long as it may be and written in escapes: six bytes a character. */
const QUERY_LIMIT_BYTES = 512 * KIB;

const ROLES: readonly Role[] = ['merchant', 'operator', 'producer'];

const ofMerchant = z.strictObject({
  merchantId: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('Whose results; operators and producers must say it.'),
});

/** The latest known state of a business key: what a merchant asks when no notification came. */
export function resultRoutes({ sql }: { sql: Sql }): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/results/{businessKey}',
      roles: ROLES,
      tag: 'Recovery',
      summary: 'The latest result of a business key, with its history and deliveries',
      params: z.strictObject({
        businessKey: businessKey.meta({ examples: [examples.result.businessKey] }),
      }),
      query: ofMerchant,
      responses: { 200: result, 304: null },
      async handle({ principal, params, query, headers }) {
        const scope = scopeOf(principal, query.merchantId);
        const found = scope && (await findResult(sql, scope, params.businessKey, MAX_HISTORY));
        if (!found) throw notFound('result');
        const text = members({
          businessKey: JSON.stringify(params.businessKey),
          merchantId: JSON.stringify(scope.merchantId),
          latest: latestText(found.latest),
          history: JSON.stringify(found.history),
          deliveries: JSON.stringify(found.deliveries),
        });
        return unlessKnown(text, headers['if-none-match']);
      },
    }),
    route({
      method: 'post',
      path: '/v1/results/query',
      roles: ROLES,
      tag: 'Recovery',
      summary: `The latest results of up to ${MAX_KEYS} business keys, in the order asked`,
      query: ofMerchant,
      body: z
        .strictObject({ businessKeys: z.array(businessKey).min(1).max(MAX_KEYS) })
        .meta({ examples: [examples.query] }),
      bodyLimitBytes: QUERY_LIMIT_BYTES,
      responses: { 200: foundResults },
      audit: 'changes nothing',
      async handle({ principal, query, body: { businessKeys } }) {
        const scope = scopeOf(principal, query.merchantId);
        const found = scope
          ? await findLatest(sql, scope, [...new Set(businessKeys)])
          : new Map<string, Latest>();
        const entries = businessKeys.map((key) => {
          const latest = found.get(key);
          const entry = { businessKey: JSON.stringify(key), found: String(latest !== undefined) };
          return members(latest ? { ...entry, latest: latestText(latest) } : entry);
        });
        return { status: 200, ...jsonText(`{"data":[${entries.join(',')}]}`) };
      },
    }),
  ];
}

/**
 * Merchants see their own, producers what they sent.
 * @returns null: somebody else's, which looks like nothing at all
 */
function scopeOf(principal: Principal, asked: string | undefined): ResultScope | null {
  const { role, keyId, merchantId: own } = principal;
  const merchantId = asked ?? (role === 'merchant' ? own : null);
  if (merchantId === null) throw invalid('query.merchantId', 'Say whose results: merchantId.');
  if (own !== null && merchantId !== own) return null;
  return { merchantId, producerKeyId: role === 'producer' ? keyId : null };
}

/**
 * The tag is a hash of the very bytes, so it is never wrong, whatever they come from. Private and
 * checked each time: a shared cache must not hand one merchant's result to another.
 */
function unlessKnown(text: string, ifNoneMatch: string | undefined): Reply {
  const etag = `"${createHash('sha256').update(text).digest('base64url')}"`;
  const headers = { etag, 'cache-control': 'private, no-cache', vary: 'Authorization' };
  const known = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (known.includes(etag) || known.includes('*')) return { status: 304, headers };
  const { body, headers: type } = jsonText(text);
  return { status: 200, body, headers: { ...headers, ...type } };
}

/**
 * JSON that is already text. Payloads go out as they came in: parsed and printed again, an order
 * number beyond 2^53 would come out as another one.
 */
function jsonText(text: string) {
  return { body: text, headers: { 'content-type': 'application/json; charset=utf-8' } };
}

function latestText({ state, payloadText }: Latest): string {
  const texts = Object.entries(state).map(([name, value]) => [name, JSON.stringify(value)]);
  return members({ ...Object.fromEntries(texts), payload: payloadText });
}

/** An object of members whose values are JSON texts. */
function members(texts: Record<string, string>): string {
  return `{${Object.entries(texts)
    .map(([name, text]) => `${JSON.stringify(name)}:${text}`)
    .join(',')}}`;
}
