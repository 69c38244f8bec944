import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Problem } from '../../../src/api/problem.ts';
import { parseJson } from '../../../src/http/request/json.ts';

function outcome(input: string | Uint8Array): string {
  try {
    parseJson(Buffer.from(input as string));
    return 'taken';
  } catch (error) {
    if (error instanceof Problem) return `${error.status} ${error.code}`;
    throw error;
  }
}

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const INVALID = '422 invalid_request';
const MALFORMED = '400 malformed_json';

describe('what is taken', () => {
  test.each([
    ['32 levels', nested(32)],
    ['brackets within strings', JSON.stringify({ text: '['.repeat(100) })],
    ['an escaped quote before brackets', `"\\"${'['.repeat(100)}"`],
    ['an escaped backslash at the end of a string', '["\\\\",{"a":"\\\\"}]'],
    ['a surrogate pair in escapes', '"\\ud83d\\ude00"'],
    ['an escaped backslash before what looks like an escape', '"\\\\u0000 \\\\ud800"'],
    ['__proto__ as a value', '{"name":"__proto__"}'],
    ['characters beyond the BMP', '"支付 😀"'],
    ['a byte order mark before it', '\uFEFF{"a":1}'],
  ])('%s', (_name, text) => {
    expect(outcome(text)).toBe('taken');
  });

  test('the text stays exact where the value cannot', () => {
    const text = '{"n": 9007199254740993,  "d":1.10}';
    expect(parseJson(Buffer.from(text)).text).toBe(text);
    expect(parseJson(Buffer.from(`\uFEFF${text}`)).text).toBe(text);
  });
});

describe('what is refused', () => {
  test.each([
    ['33 levels', nested(33), INVALID],
    ['33 levels of objects', `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`, INVALID],
    ['a depth bomb', '['.repeat(60_000), INVALID],
    ['an escaped NUL', '{"a":"x\\u0000y"}', INVALID],
    ['an escaped NUL in a key', '{"\\u0000":1}', INVALID],
    ['a high surrogate alone', '"\\ud83d"', INVALID],
    ['a high surrogate before something else', '"\\ud83dabcdefgh"', INVALID],
    ['a low surrogate alone', '"\\ude00"', INVALID],
    ['two high surrogates', '"\\ud83d\\ud83d"', INVALID],
    ['a key __proto__', '{"a":[{"__proto__":{"x":1}}]}', INVALID],
    ['a key __proto__ in escapes', '{"\\u005f_proto__":1}', INVALID],
    ['invalid UTF-8', Uint8Array.of(0x22, 0xc3, 0x28, 0x22), INVALID],
    ['a surrogate in UTF-8', Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), INVALID],
    ['an overlong NUL', Uint8Array.of(0x22, 0xc0, 0x80, 0x22), INVALID],
    ['a raw NUL', '"\u0000"', MALFORMED],
    ['half an object', '{"a":1', MALFORMED],
    ['an escape cut off', '"\\u00', MALFORMED],
    ['an escape that is none', '"\\u00zz"', MALFORMED],
    ['a comment', '{} // done', MALFORMED],
    ['NaN', 'NaN', MALFORMED],
    ['blanks alone', '   ', MALFORMED],
  ])('%s', (_name, input, expected) => {
    expect(outcome(input)).toBe(expected);
  });
});

/** The same rules, said in the plainest way: on the parsed value. */
function plainly(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return !/\0|\p{Surrogate}/u.test(value);
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 32) return false;
  return Object.entries(value).every(
    ([key, child]) => key !== '__proto__' && plainly(key) && plainly(child, depth + 1),
  );
}

const nasty = fc.constantFrom(
  '\0',
  '\ud800',
  '\udc00',
  '😀',
  '"',
  '\\',
  '\\u0000',
  '__proto__',
  '[',
  '{',
);
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(nasty).map((parts) => parts.join('')),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(text, tie('tree'), { maxKeys: 4 }),
  ),
}));

/** JSON.stringify, with every character outside ASCII escaped, as many producers write it. */
function inAscii(json: string): string {
  return json.replaceAll(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

test('the scan agrees with a walk over the value, for any JSON however it is written', () => {
  fc.assert(
    fc.property(tree, fc.boolean(), fc.nat({ max: 34 }), (value, ascii, wraps) => {
      const plain = '['.repeat(wraps) + JSON.stringify(value) + ']'.repeat(wraps);
      const json = ascii ? inAscii(plain) : plain;
      const expected = plainly(JSON.parse(json)) ? 'taken' : INVALID;
      expect(outcome(json)).toBe(expected);
    }),
    { numRuns: 2000 },
  );
});

test('no bytes at all make anything but a Problem', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(outcome(bytes)).toMatch(/^(taken|400 malformed_json|422 invalid_request)$/);
    }),
    { numRuns: 2000 },
  );
});
