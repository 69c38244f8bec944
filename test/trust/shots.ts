import fc from 'fast-check';
import type { Ask } from './client.ts';
import { type ApiDocument, conforming, type Operation } from './document.ts';
import { broken, damaged, EVIL_TIMES, evilText, unbroken } from './mutate.ts';

/** What is shot at. */
export interface Aim {
  document: ApiDocument;
  /**
   * What paths, queries and bodies may name, by the name of the parameter, so that not all of them
   * stop at "no such thing". `id` of `/v1/endpoints/{id}` is `endpoints/id`.
   */
  known: ReadonlyMap<string, readonly string[]>;
  /** By role; `wrong` is one that nobody has. */
  keys: Readonly<Record<string, string>>;
}

export interface Shot extends Ask {
  of: string;
  /** Its body goes in pieces, without a length. */
  chunked: boolean;
}

const oneOf = (values: readonly string[] = []) => fc.constantFrom(...values);

/** Mostly what is known, so that a body has one fault and not ten. */
function hintFor(aim: Aim, name: string): fc.Arbitrary<unknown> | undefined {
  if (name === 'merchantId') return fc.constantFrom('m_intake', 'm_intake', 'm_intake', 'm_absent');
  if (name === 'notifications') return fc.array(item(aim), { minLength: 1, maxLength: 4 });
  const values = aim.known.get(name);
  return values && !['name', 'status', 'limit', 'waitMs'].includes(name)
    ? oneOf(values)
    : undefined;
}

function item(aim: Aim): fc.Arbitrary<unknown> {
  const { document } = aim;
  const { body } = document.operations.find(({ name }) => name === 'post /v1/notifications') ?? {};
  return conforming(body ?? {}, document, 'some', (name) =>
    name === 'notifications' ? undefined : hintFor(aim, name),
  );
}

/** Half surrogate pairs, which no UTF-8 can hold, become replacement characters. */
const wellFormed = (text: string) => Buffer.from(text).toString();

/** Text that may stand in an address, but hardly for anything there is. */
const foreign: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: evilText.map((text) => encodeURIComponent(wellFormed(text))) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('%00', '%ff', '%', '%u0041', '%ED%A0%80', '..%2f..%2f', '%25%30'),
  },
);

function target({ known }: Aim, { path }: Operation): fc.Arbitrary<string> {
  const names = [...path.matchAll(/(\w+\/)\{(\w+)\}/g)];
  return filled(
    path,
    names.map(([, of, name = '']) => oneOf(known.get(`${of}${name}`) ?? known.get(name) ?? ['1'])),
  );
}

function foreignTarget({ path }: Operation): fc.Arbitrary<string> {
  const places = path.match(/\{\w+\}/g) ?? [];
  return filled(
    path,
    places.map(() => foreign),
  );
}

function filled(path: string, values: fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  return fc
    .tuple(...values)
    .map((texts) => texts.reduce((text, value) => text.replace(/\{\w+\}/, () => value), path));
}

/** Parameters that exist, with values that may not; a few that do not exist either. */
function query({ known }: Aim, { parameters }: Operation): fc.Arbitrary<string> {
  const named = parameters.filter((each) => each.in === 'query');
  const times = fc.constantFrom(...EVIL_TIMES).map(encodeURIComponent);
  const pairs = [...named, ...named, ...named, { name: 'unknown', schema: {} }].map((each) => {
    const { name, schema } = each;
    const values = oneOf(known.get(name) ?? ['1']);
    // That is how the document says "a time".
    const choices = JSON.stringify(schema).includes('T(?:') ? [times, times] : [];
    return fc.oneof(values, foreign, ...choices).map((value) => `${name}=${value}`);
  });
  const pair = fc.oneof(...pairs);
  const odd = fc.constantFrom('__proto__=1', 'limit[]=1', 'limit=1&limit=2', '=', '&&&', '?', '%');
  return fc
    .array(fc.oneof({ weight: 9, arbitrary: pair }, { weight: 1, arbitrary: odd }), {
      minLength: 1,
      maxLength: 3,
    })
    .map((pairs) => pairs.join('&'));
}

type Headers = Record<string, string>;

/** Somebody who may call it; once in a while somebody who may not. */
function caller({ keys }: Aim, { roles }: Operation): fc.Arbitrary<Headers> {
  const right = fc.constantFrom(...(roles ?? []));
  const wrong = fc.constantFrom('operator', 'producer', 'merchant', 'wrong', 'none');
  return fc
    .oneof({ weight: 14, arbitrary: right }, { weight: 1, arbitrary: wrong })
    .map((who) => (keys[who] === undefined ? {} : { authorization: `Bearer ${keys[who]}` }));
}

const visible = /[^\x20-\x7e]/g;
const asHeader = evilText.map((text) => text.replace(visible, '').slice(0, 300));
const extras: fc.Arbitrary<Headers> = fc
  .array(
    fc.oneof(
      fc.tuple(
        fc.constant('idempotency-key'),
        fc.oneof(fc.constantFrom('k1', '"k1"', 'k2', 'k3'), asHeader),
      ),
      fc.tuple(fc.constant('x-request-id'), asHeader),
      fc.tuple(
        fc.constantFrom('accept', 'if-none-match', 'x-forwarded-for', 'x-http-method-override'),
        asHeader,
      ),
      fc.tuple(fc.constant('accept'), fc.constantFrom('text/csv', '*/*', 'text/event-stream')),
    ),
    { minLength: 1, maxLength: 2 },
  )
  .map((pairs) => Object.fromEntries(pairs));

const jsonType: Headers = { 'content-type': 'application/json' };
const types: fc.Arbitrary<Headers> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(jsonType) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Headers[]>(
      {},
      { 'content-type': 'text/plain' },
      { 'content-type': 'text/csv' },
      { 'content-type': 'application/json; charset=utf-16' },
      { 'content-type': 'application/json;charset="utf-8"' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'multipart/form-data; boundary=x' },
      { 'content-type': ';;;=,' },
      { ...jsonType, 'content-encoding': 'gzip' },
      { ...jsonType, 'content-encoding': 'identity' },
      { ...jsonType, 'content-encoding': 'br, br, br' },
    ),
  },
);

/** Shots at all operations: most of them at intake, at each of the others some. */
export function shots(
  aim: Aim,
  make: (aim: Aim, operation: Operation) => fc.Arbitrary<Shot>,
): fc.Arbitrary<Shot> {
  const weights: Record<string, number> = {
    'post /v1/notifications': 20,
    'post /v1/notifications/batch': 10,
  };
  const operations = aim.document.operations.filter(({ isOpen }) => !isOpen);
  return fc.oneof(
    ...operations.map((each) => ({ weight: weights[each.name] ?? 2, arbitrary: make(aim, each) })),
  );
}

/** Bodies as they should be. */
export function valid(aim: Aim, { body }: Operation): fc.Arbitrary<unknown> {
  if (body === null) return fc.constant({});
  return conforming(body, aim.document, 'some', (name) => hintFor(aim, name));
}

/** A request in which one part was made by the schema and then broken: its body mostly. */
export function aimed(aim: Aim, operation: Operation): fc.Arbitrary<Shot> {
  const { name, method, body, path } = operation;
  const sound = {
    target: target(aim, operation),
    caller: caller(aim, operation),
    query: fc.constant<string>(''),
    extras: fc.constant<Headers>({}),
    text: unbroken(valid(aim, operation)),
  };
  const parts: { weight: number; arbitrary: fc.Arbitrary<PartsOf<typeof sound>> }[] = [
    { weight: 1, arbitrary: fc.record(sound) },
    { weight: 2, arbitrary: fc.record({ ...sound, extras }) },
  ];
  if (operation.parameters.some((each) => each.in === 'query')) {
    parts.push({ weight: 4, arbitrary: fc.record({ ...sound, query: query(aim, operation) }) });
  }
  if (path.includes('{')) {
    parts.push({ weight: 2, arbitrary: fc.record({ ...sound, target: foreignTarget(operation) }) });
  }
  if (body !== null) {
    const text = broken(valid(aim, operation));
    parts.push({ weight: 10, arbitrary: fc.record({ ...sound, text }) });
  }
  return fc.oneof(...parts).map(({ target, caller, query, extras, text }) => ({
    of: name,
    method,
    target: query === '' ? target : `${target}?${query}`,
    headers: { ...extras, ...caller, ...(body !== null && jsonType) },
    ...(body !== null && { body: text }),
    chunked: false,
  }));
}

type PartsOf<T> = { [K in keyof T]: T[K] extends fc.Arbitrary<infer V> ? V : never };

/** A request whose body is bytes that nobody can have meant. */
export function rough(aim: Aim, operation: Operation): fc.Arbitrary<Shot> {
  const { name, method } = operation;
  const bytes = fc.oneof(
    { weight: 3, arbitrary: damaged(unbroken(valid(aim, operation))) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((some) => Buffer.from(some)) },
  );
  return fc
    .record({
      target: target(aim, operation),
      caller: caller(aim, operation),
      types,
      bytes,
      chunked: fc.boolean(),
    })
    .map(({ target, caller, types, bytes, chunked }) => ({
      of: name,
      method: method === 'GET' ? 'POST' : method,
      target,
      headers: { ...caller, ...types },
      body: bytes,
      chunked,
    }));
}
