import fc from 'fast-check';

/** JSON text that no value stands for: broken tokens, numbers nobody can hold. */
class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** An object as it is written: names may come twice, and in any order. */
class Members {
  readonly entries: [string, unknown][];
  constructor(entries: [string, unknown][]) {
    this.entries = entries;
  }
}

const deep = (levels: number, open: string, close: string) =>
  new Raw(open.repeat(levels) + close.repeat(levels));

/** Times at the edges of what one or the other can hold. */
export const EVIL_TIMES = [
  '0000-01-01T00:00:00Z',
  '0001-01-01T00:00:00+23:59',
  '0099-12-31T23:59:59.999999999Z',
  '9999-12-31T23:59:59.999Z',
  '9999-12-31T23:59:59-23:59',
  '2026-02-29T00:00:00Z',
  '2024-02-29T24:00:00Z',
  '2026-11-22T08:00:00+15:59',
  '2026-11-22T08:00:00+16:00',
  '2026-11-22T08:00:00-23:59',
  '2026-11-22T08:00:60Z',
  '+275760-09-13T00:00:00.000Z',
  '1e3',
  'Infinity',
] as const;

const EVIL_AMOUNTS = [
  '-0.00000000',
  '999999999999999999',
  '9999999999999999999',
  '1,00',
  '１００',
  '0.000000001',
] as const;

const EVIL_URLS = [
  'http://[::1]:1/',
  'http://127.0.0.1:1/?q=1',
  'http://localhost:1/%00',
  'https://127.1:99999/',
  'file:///etc/passwd',
  'http://user:password@127.0.0.1/',
  'http://127.0.0.1/#x',
  'javascript:alert(1)',
] as const;

/** What breaks programs, whatever it stands in for. */
const EVIL: readonly unknown[] = [
  null,
  true,
  [],
  {},
  [[]],
  '',
  ' ',
  0,
  -1,
  1.5,
  2 ** 31,
  2 ** 53,
  1e21,
  1e308,
  5e-324,
  1e-300,
  0.1,
  new Raw('-0'),
  new Raw('1e999'),
  new Raw('-1e-999'),
  new Raw('9'.repeat(400)),
  new Raw('0.'.concat('3'.repeat(400))),
  new Raw('01'),
  new Raw('NaN'),
  new Raw('+1'),
  new Raw('0x1f'),
  new Raw("'single'"),
  new Raw('undefined'),
  new Raw('"\\ud800"'),
  new Raw('"\\udc00\\ud800"'),
  new Raw('"\\u0000"'),
  new Raw('"\\u00"'),
  new Raw('"\\x41"'),
  new Raw('"line\nbreak"'),
  new Raw('"open'),
  new Raw(''),
  new Raw('{"__proto__":{"role":"operator"}}'),
  new Raw('{"\\u005f_proto__":1}'),
  new Raw('{"constructor":{"prototype":{"role":"operator"}}}'),
  new Raw('{"a":1,"a":2,"a":{"a":[]}}'),
  new Raw('{"":{"":""}}'),
  deep(30, '[', ']'),
  deep(33, '[', ']'),
  deep(20_000, '[', ']'),
  new Raw(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`),
  deep(500, '[', ''),
  'a'.repeat(129),
  'x'.repeat(5000),
  '😀'.repeat(200),
  '\u202etxt.exe',
  '\ufeff\u2028\u2029\u0085',
  'e\u0301'.repeat(100),
  '\u0001\u001b[31m\u007f',
  '\r\nX-Injected: yes',
  "'; DROP TABLE merchant; --",
  '" OR 1=1 --',
  '$1',
  '%s%n%00',
  '../../../../etc/passwd',
  '{{7*7}}<script>alert(1)</script>',
  '__proto__',
  'constructor',
  'toString',
  ...EVIL_TIMES,
  ...EVIL_AMOUNTS,
  ...EVIL_URLS,
  'whsec_',
  'whsec_!!!!',
];

/** One value that should not stand where it is put. */
const evil: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...EVIL) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 2, arbitrary: fc.double().map((value) => (Number.isFinite(value) ? value : 0)) },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(70_000, 1_000_000).map((length) => 'y'.repeat(length)) },
);

/** The same as text for paths, queries and headers. */
export const evilText: fc.Arbitrary<string> = evil
  .filter((value) => typeof value === 'string' || value instanceof Raw)
  .map((value) => (value instanceof Raw ? value.text : String(value)).slice(0, 3000));

type How = 'replace' | 'similar' | 'remove' | 'twice' | 'unknown' | 'rename' | 'nest' | 'repeat';

interface Mutation {
  how: How;
  /** Which place; taken modulo how many there are. */
  at: number;
  evil: unknown;
  /** The same for places where such a thing would be right. */
  similar: { number: unknown; text: string; time: string; amount: string; url: string };
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  how: fc.oneof(
    { weight: 6, arbitrary: fc.constant<How>('similar') },
    { weight: 3, arbitrary: fc.constant<How>('replace') },
    {
      weight: 4,
      arbitrary: fc.constantFrom<How>('remove', 'twice', 'unknown', 'rename', 'nest', 'repeat'),
    },
  ),
  // Without fast-check's love of zero, which is the whole.
  at: fc.noBias(fc.nat(200)),
  evil,
  similar: fc.record({
    number: evil.filter((value) => typeof value === 'number' || value instanceof Raw),
    text: evilText,
    time: fc.constantFrom(...EVIL_TIMES),
    amount: fc.constantFrom(...EVIL_AMOUNTS),
    url: fc.constantFrom(...EVIL_URLS),
  }),
});

/** The text of a value of this kind, as it should be. */
export function unbroken(valid: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  return valid.map((value) => write(value));
}

/** The same, with one to three faults in it. */
export function broken(valid: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  return fc
    .tuple(valid, fc.array(mutation, { minLength: 1, maxLength: 3 }))
    .map(([value, mutations]) => {
      const root = [opened(value)];
      for (const each of mutations) mutate(root, each);
      return write(root[0]);
    });
}

/** A place where a value stands: an array and an index, or the members of an object and one. */
interface Place {
  list: unknown[];
  index: number;
  owner: Members | null;
}

function mutate(root: unknown[], { how, at, evil: shared, similar }: Mutation): void {
  // A copy: put twice, one list could come to hold itself.
  const evil = opened(shared);
  const places = placesIn(root, null);
  const place = places[at % places.length];
  if (place === undefined) return;
  const { list, index, owner } = place;
  const [name, value] = owner === null ? ['', list[index]] : (list[index] as [string, unknown]);
  const put = (next: unknown) => {
    list[index] = owner === null ? next : [name, next];
  };
  if (how === 'similar') put(similarTo(value, similar) ?? evil);
  else if (how === 'replace') put(evil);
  else if (how === 'remove') list.splice(index, 1);
  else if (how === 'twice') list.splice(index, 0, owner === null ? evil : [name, evil]);
  else if (how === 'rename' && owner !== null) list[index] = [String(evil).slice(0, 50), value];
  else if (how === 'nest') put([value]);
  else if (how === 'repeat') put(Array.from({ length: 70 }, () => value));
  else if (value instanceof Members) value.entries.push([`x${String(evil).slice(0, 20)}`, evil]);
  else put(new Members([['unknown', value]]));
}

function similarTo(value: unknown, { number, text, time, amount, url }: Mutation['similar']) {
  if (typeof value === 'number') return number;
  if (typeof value !== 'string') return null;
  if (/^\d{4}-\d\d-\d\dT/.test(value)) return time;
  if (/^-?\d+(\.\d+)?$/.test(value)) return amount;
  return /^https?:/.test(value) ? url : text;
}

function placesIn(list: unknown[], owner: Members | null): Place[] {
  return list.flatMap((each, index) => {
    const value = owner === null ? each : (each as [string, unknown])[1];
    const here = { list, index, owner };
    if (value instanceof Members) return [here, ...placesIn(value.entries, value)];
    return Array.isArray(value) ? [here, ...placesIn(value, null)] : [here];
  });
}

/** A copy whose objects can be written into. */
function opened(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(opened);
  if (typeof value !== 'object' || value === null || value instanceof Raw) return value;
  return new Members(Object.entries(value).map(([name, child]) => [name, opened(child)]));
}

function write(value: unknown): string {
  if (value instanceof Raw) return value.text;
  if (value instanceof Members) {
    return `{${value.entries.map(([name, child]) => `${JSON.stringify(name)}:${write(child)}`).join(',')}}`;
  }
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  if (typeof value === 'object' && value !== null) return write(opened(value));
  return JSON.stringify(value) ?? '';
}

/** Bytes that were text, and have been damaged on the way. */
export function damaged(text: fc.Arbitrary<string>): fc.Arbitrary<Buffer> {
  const damage = fc.record({
    how: fc.constantFrom('cut', 'insert', 'overwrite', 'append', 'prepend'),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    bytes: fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 8 }),
      fc.constantFrom(...[[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xef, 0xbb, 0xbf], [0]]),
    ),
  });
  return fc
    .tuple(text, fc.array(damage, { minLength: 1, maxLength: 3 }))
    .map(([start, damages]) => {
      let bytes = Buffer.from(start);
      for (const { how, at, bytes: foreign } of damages) {
        const place = Math.floor(at * bytes.length);
        const inserted = Buffer.from(foreign);
        const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)];
        if (how === 'cut') bytes = Buffer.from(before);
        else if (how === 'insert') bytes = Buffer.concat([before, inserted, after]);
        else if (how === 'overwrite') {
          bytes = Buffer.concat([before, inserted, after.subarray(inserted.length)]);
        } else if (how === 'append') bytes = Buffer.concat([bytes, inserted]);
        else bytes = Buffer.concat([inserted, bytes]);
      }
      return bytes;
    });
}
