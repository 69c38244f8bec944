import { createHash } from 'node:crypto';
import { z } from 'zod';
import { invalid, notFound } from '../../api/problem.ts';
import {
  type Call,
  jsonText,
  type Principal,
  type Reply,
  type Role,
  type Route,
  route,
} from '../../api/route.ts';
import type { Sql } from '../../platform/db/client.ts';
import {
  anyResult,
  businessKey,
  foundResults,
  MAX_ANSWER_MIB,
  MAX_HISTORY,
  MAX_KEYS,
} from './contract.ts';
import { examples } from './examples.ts';
import { findLatest, findResult, type Latest, type ResultScope } from './store.ts';

const KIB = 1024;
/** For as many keys as may be, each as long as it may be and written in escapes: six bytes a character. */
const QUERY_LIMIT_BYTES = 512 * KIB;
/** Read together, of at most 64 KiB each: they come on top of the limit of the answer. */
const KEYS_AT_ONCE = 50;

const ROLES: readonly Role[] = ['merchant', 'operator', 'producer'];

const ofMerchant = z.strictObject({
  merchantId: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('Whose results; operators and producers must say it.'),
});

const aboutOne = ofMerchant.extend({
  fields: z
    .enum(['latest'])
    .optional()
    .describe(
      'latest: without history and deliveries, so that the ETag changes with the result alone.',
    ),
});

const requestHeaders = z.object({
  'If-None-Match': z
    .string()
    .optional()
    .describe('ETags that the caller knows: 304, without a body, where one of them still holds.'),
});
const cachedHeaders = z.object({
  ETag: z.string().describe('Of the body’s bytes: as long as it is the same, so are they.'),
  'Cache-Control': z.string().describe('`private, no-cache`: kept, but asked about each time.'),
  Vary: z.string().describe('`Authorization`: whoever asks gets their own.'),
});
const responseHeaders = { 200: cachedHeaders, 304: cachedHeaders };

/** The latest known state of a business key: what a merchant asks when no notification came. */
export function resultRoutes(): Route[] {
  async function answerOne(
    {
      principal,
      headers,
      reads,
    }: Pick<Call<unknown, unknown, unknown>, 'principal' | 'headers' | 'reads'>,
    key: string,
    { merchantId, fields }: z.output<typeof aboutOne>,
  ): Promise<Reply> {
    const scope = scopeOf(principal, merchantId);
    if (scope === null) throw notFound('result');
    const found =
      fields === 'latest' ? await latestOf(reads, scope, key) : await allOf(reads, scope, key);
    if (found === null) throw notFound('result');
    const whose = {
      businessKey: JSON.stringify(key),
      merchantId: JSON.stringify(scope.merchantId),
    };
    return unlessKnown(members({ ...whose, ...found }), headers['if-none-match']);
  }

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
      query: aboutOne,
      requestHeaders,
      responses: { 200: anyResult, 304: null },
      responseHeaders,
      handle: (call) => answerOne(call, call.params.businessKey, call.query),
    }),
    route({
      method: 'get',
      path: '/v1/results',
      asksForOne: true,
      roles: ROLES,
      tag: 'Recovery',
      summary: 'The same for any key, also one such as ".." that no path can have',
      query: aboutOne.extend({
        businessKey: businessKey.meta({ examples: [examples.result.businessKey] }),
      }),
      requestHeaders,
      responses: { 200: anyResult, 304: null },
      responseHeaders,
      handle: (call) => answerOne(call, call.query.businessKey, call.query),
    }),
    route({
      method: 'post',
      path: '/v1/results/query',
      roles: ROLES,
      tag: 'Recovery',
      summary: `The latest results of up to ${MAX_KEYS} business keys, in the order asked, each once`,
      query: ofMerchant,
      body: z
        .strictObject({ businessKeys: z.array(businessKey).min(1).max(MAX_KEYS) })
        .meta({ examples: [examples.query] }),
      bodyLimitBytes: QUERY_LIMIT_BYTES,
      responses: { 200: foundResults },
      audit: 'changes nothing',
      async handle({ principal, query, body: { businessKeys }, reads }) {
        const scope = scopeOf(principal, query.merchantId);
        const keys = [...new Set(businessKeys)];
        const { entries, remaining } = await answerMany(reads, scope, keys);
        const text = `{"data":[${entries.join(',')}],"remaining":${JSON.stringify(remaining)}}`;
        return { status: 200, ...jsonText(text) };
      },
    }),
  ];
}

/**
 * Entries for as many of the keys as there is room for, a few at a time: neither the answer nor what is read for it grows
 * with what the payloads hold.
 *
 * @param scope null: somebody else's, where nothing is found
 */
async function answerMany(sql: Sql, scope: ResultScope | null, keys: string[]) {
  const entries: string[] = [];
  let from = 0;
  for (let bytes = 0; from < keys.length && bytes < MAX_ANSWER_MIB * KIB * KIB; ) {
    const some = keys.slice(from, from + KEYS_AT_ONCE);
    const found = scope ? await findLatest(sql, scope, some) : new Map<string, Latest>();
    for (const key of some) {
      const entry = entryOf(key, found.get(key));
      bytes += Buffer.byteLength(entry);
      entries.push(entry);
    }
    from += some.length;
  }
  return { entries, remaining: keys.slice(from) };
}

function entryOf(key: string, latest: Latest | undefined): string {
  const entry = { businessKey: JSON.stringify(key), found: String(latest !== undefined) };
  return members(latest ? { ...entry, latest: latestText(latest) } : entry);
}

/** @returns members and their JSON; null: there is no such result */
async function allOf(sql: Sql, scope: ResultScope, key: string) {
  const found = await findResult(sql, scope, key, MAX_HISTORY);
  return (
    found && {
      latest: latestText(found.latest),
      history: JSON.stringify(found.history),
      deliveries: JSON.stringify(found.deliveries),
    }
  );
}

/** The same, of the latest state alone. */
async function latestOf(sql: Sql, scope: ResultScope, key: string) {
  const latest = (await findLatest(sql, scope, [key])).get(key);
  return latest === undefined ? null : { latest: latestText(latest) };
}

/**
 * Merchants see their own, producers what they sent, to the merchants that their key names if it names some.
 * @returns null: somebody else's, which looks like nothing at all
 */
function scopeOf(principal: Principal, asked: string | undefined): ResultScope | null {
  const { role, keyId, merchantId: own, merchants } = principal;
  const merchantId = asked ?? (role === 'merchant' ? own : null);
  if (merchantId === null) throw invalid('query.merchantId', 'Say whose results: merchantId.');
  if (own !== null && merchantId !== own) return null;
  if (merchants !== undefined && !merchants.includes(merchantId)) return null;
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
