import fc from 'fast-check';
import { newId } from '../../src/platform/ids.ts';
import type { Api, ApiAnswer } from '../support/api.ts';
import { until } from '../support/until.ts';
import {
  type ApiDocument,
  conforming,
  type Operation,
  type Parameter,
  type Schema,
} from './document.ts';
import { absentLike, makeEndpoint, notify, type Tenant, type Who } from './world.ts';

/** What a path or a field names: something of that tenant's, made afresh; and the same of nobody's. */
export interface Thing {
  of(tenant: Tenant): Promise<string> | string;
  absent(): string;
}

const someId = (prefix: string) => `${prefix}_${newId('ntf').slice(4)}`;

/** The id of a job that is over: one that runs would change while it is looked at. */
async function ended(api: Api, path: string, body: object): Promise<string> {
  const { id } = (await api.post(path, body).expect(202)).body;
  await until(async () => (await api.get(`${path}/${id}`)).body.status !== 'running');
  return id;
}

const MERCHANT: Thing = { of: ({ merchantId }) => merchantId, absent: () => absentLike('m_') };
const ENDPOINT: Thing = {
  of: async (tenant) => (await makeEndpoint(tenant)).id,
  absent: () => someId('ep'),
};
const NOTIFICATION: Thing = {
  of: async (tenant) => (await notify(tenant)).id,
  absent: () => someId('ntf'),
};
const DELIVERY: Thing = {
  of: async (tenant) => (await notify(tenant)).deliveries[0].id,
  absent: () => someId('dlv'),
};
const BUSINESS_KEY: Thing = {
  of: async (tenant) => (await notify(tenant)).businessKey,
  absent: () => absentLike('ORDER-'),
};
const RESEND: Thing = {
  of: async ({ merchant, merchantId }) => {
    const ask = { filter: { merchantId, businessKeys: [absentLike('NO-')] }, reason: 'test' };
    return ended(merchant, '/v1/resends', ask);
  },
  absent: () => someId('rsd'),
};
const RECONCILIATION: Thing = {
  of: async ({ merchant }) => {
    const record = { status: 'SUCCESS', amount: '1.00', currency: 'CNY' };
    const records = [{ businessKey: absentLike('ORDER-'), ...record }];
    const date = '2026-01-02';
    return ended(merchant, '/v1/reconciliations', { date, records });
  },
  absent: () => someId('rec'),
};
const MESSAGE: Thing = {
  of: async ({ producer, merchantId, url }) => {
    const notification = {
      merchantId,
      type: 'a.b',
      businessKey: absentLike('ORDER-'),
      payload: {},
    };
    const message = {
      notification,
      checkUrl: url,
      checkAfterSeconds: 3600,
      completion: 'explicit',
    };
    const { id } = (await producer.post('/v1/messages', message).expect(201)).body;
    // Before that it is not the merchant's.
    await producer.post(`/v1/messages/${id}/confirm`).expect(200);
    return id;
  },
  absent: () => someId('msg'),
};
const TRANSACTION: Thing = {
  of: async ({ producer }) => {
    const transaction = {
      businessKey: absentLike('ORDER-'),
      mode: 'initiator',
      timeoutSeconds: 3600,
    };
    return (await producer.post('/v1/transactions', transaction).expect(201)).body.gid;
  },
  absent: () => someId('txn'),
};

/** What the first parameter of a path names. Nothing may be left out: `thingOf` fails then. */
const THINGS: [path: string, thing: Thing | 'everybody’s'][] = [
  ['/v1/merchants/{merchantId}', MERCHANT],
  ['/v1/endpoints/{id}', ENDPOINT],
  ['/v1/notifications/{id}', NOTIFICATION],
  ['/v1/deliveries/{id}', DELIVERY],
  ['/v1/results/{businessKey}', BUSINESS_KEY],
  ['/v1/resends/{id}', RESEND],
  ['/v1/reconciliations/{id}', RECONCILIATION],
  ['/v1/messages/{id}', MESSAGE],
  ['/v1/transactions/{gid}', TRANSACTION],
  // Rules, not data: all roles read the same ones.
  ['/v1/queues/{name}', 'everybody’s'],
  // A day. Whose day it is, is said by the key, or by `merchantId`.
  ['/v1/statements/', 'everybody’s'],
];

/** Fields of queries and bodies that name something of somebody's, wherever they stand. */
const FIELDS: Record<string, Thing> = {
  merchantId: MERCHANT,
  endpointId: ENDPOINT,
  notificationId: NOTIFICATION,
  deliveryId: DELIVERY,
  businessKey: BUSINESS_KEY,
};
/** The same, in lists. */
const LISTS: Record<string, Thing> = {
  ids: NOTIFICATION,
  notificationIds: NOTIFICATION,
  deliveryIds: DELIVERY,
  endpointIds: ENDPOINT,
  businessKeys: BUSINESS_KEY,
};

/** As whom an operation can be called without being an operator. */
export const askersOf = ({ roles }: Operation): Who[] =>
  (['merchant', 'producer'] as const).filter((who) => roles?.includes(who));

/** null: the path names nothing of anybody's. */
export function thingOf(operation: Operation): Thing | null {
  const { path } = operation;
  if (!path.includes('{') || askersOf(operation).length === 0) return null;
  const known = THINGS.find(([start]) => path.startsWith(start));
  if (known === undefined) throw new Error(`Say in THINGS what ${path} names, and whose it is.`);
  return known[1] === 'everybody’s' ? null : known[1];
}

export function thingOfField(name: string): Thing | undefined {
  return FIELDS[name];
}

/** A call as it could be made by the one or the other. */
export interface Made {
  method: string;
  path: string;
  query: Record<string, string>;
  body: unknown;
}

/** @param id what the path's first parameter names; empty where it names nothing of anybody's */
export function madeFor(
  document: ApiDocument,
  operation: Operation,
  { tenant, who, id }: { tenant: Tenant; who: Who; id: string },
): Made {
  const hints: Record<string, string> = {
    merchantId: tenant.merchantId,
    date: new Date().toISOString().slice(0, 10),
    // Of a reconciliation's differences: there is one.
    number: '1',
    url: tenant.url,
    checkUrl: tenant.url,
    confirmUrl: tenant.url,
    cancelUrl: tenant.url,
  };
  const hint = (name: string) => (hints[name] ? fc.constant(hints[name]) : undefined);
  const make = (schema: Schema, name = '') =>
    fc.sample(hint(name) ?? conforming(schema, document, 'none', hint), {
      numRuns: 1,
      seed: 11,
    })[0];
  // Producers have to say whose result they mean.
  const isNeeded = ({ name, required }: Parameter) =>
    required || (name === 'merchantId' && who === 'producer');
  let isFirst = true;
  return {
    method: operation.method,
    path: operation.path.replace(/\{(\w+)\}/g, (_text, name) => {
      const { schema } = operation.parameters.find((each) => each.name === name) ?? {};
      const value = isFirst && id !== '' ? id : String(make(schema ?? {}, name));
      isFirst = false;
      return encodeURIComponent(value);
    }),
    query: Object.fromEntries(
      operation.parameters
        .filter((each) => each.in === 'query' && isNeeded(each))
        .map(({ name, schema }) => [name, String(make(schema, name))]),
    ),
    body: operation.body === null ? undefined : asked(operation, make(operation.body)),
  };
}

/** A job would show what this very call has named in every list that is looked at later. */
function asked({ name }: Operation, body: unknown): unknown {
  return name === 'post /v1/resends' ? { ...(body as object), dryRun: true } : body;
}

export function send(
  api: Api,
  { method, path, query, body }: Made,
  headers: Record<string, string> = {},
) {
  const search = new URLSearchParams(query).toString();
  const target = search === '' ? path : `${path}?${search}`;
  if (method === 'GET') return api.get(target, headers);
  if (method === 'POST') return api.post(target, body, headers);
  if (method === 'PUT') return api.put(target, body);
  return method === 'PATCH' ? api.patch(target, body) : api.delete(target);
}

const VOLATILE = [
  'date',
  'x-request-id',
  'ratelimit-limit',
  'ratelimit-remaining',
  'ratelimit-reset',
  'ratelimit-policy',
  'content-length',
  'etag',
];

/** What an answer shows, but for the names that this very call had in it. */
export function shownBy({ status, headers, text }: ApiAnswer, names: readonly string[]) {
  const shown = names.reduce((known, name) => known.replaceAll(name, '<it>'), text);
  return {
    status,
    headers: Object.fromEntries([...headers].filter(([name]) => !VOLATILE.includes(name))),
    body: shown
      .replace(/"(requestId|instance)":"[^"]*"/g, '"$1":""')
      // What a call that creates something has created.
      .replace(/\b([a-z]{2,4})_[0-9a-z]{26}\b/g, '<$1>')
      .replace(/\d{4}-\d\d-\d\dT[0-9:.]+Z/g, '<time>'),
  };
}

interface Field {
  name: string;
  thing: Thing;
  /** @param ours something of one's own, for lists that can hold it beside the other one */
  put(body: unknown, value: string, ours: string): unknown;
}

/** Where in an operation's body something of somebody's may be named: alone, and beside one of ours. */
export function fieldsOf({ schemas }: ApiDocument, { body }: Operation): Field[] {
  const found: Field[] = [];
  const walk = (schema: Schema, at: readonly string[]): void => {
    const named = schemas[schema.$ref?.split('/').at(-1) ?? ''];
    if (named !== undefined) walk(named, at);
    for (const choice of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) walk(choice, at);
    for (const [property, child] of Object.entries(schema.properties ?? {})) {
      const path = [...at, property];
      const name = path.join('.');
      const one = FIELDS[property];
      const list = LISTS[property];
      if (one) found.push({ name, thing: one, put: (made, value) => put(made, path, value) });
      if (list) {
        found.push(
          { name, thing: list, put: (made, value) => put(made, path, [value]) },
          { name, thing: list, put: (made, value, own) => put(made, path, [own, value]) },
        );
      }
      walk(child, path);
    }
  };
  if (body !== null) walk(body, []);
  return found;
}

function put(body: unknown, [name = '', ...rest]: readonly string[], value: unknown): object {
  const object = { ...(body as Record<string, unknown>) };
  object[name] = rest.length === 0 ? value : put(object[name] ?? {}, rest, value);
  return object;
}
