import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { elementTexts, memberText, printWith, unrounded } from '../../../src/platform/json/text.ts';

describe('slices of JSON text', () => {
  test('give a member back byte for byte', () => {
    const text = ' { "a" : 1.10 , "payload" : {"n":12345678901234567890, "s":"}\\"]"}\n, "z":[] } ';
    expect(memberText(text, 'payload')).toBe('{"n":12345678901234567890, "s":"}\\"]"}');
    expect(memberText(text, 'a')).toBe('1.10');
    expect(memberText(text, 'absent')).toBeNull();
  });

  test('take the last of two members of one name, as JSON.parse does', () => {
    expect(memberText('{"a":1,"\\u0061":2}', 'a')).toBe('2');
  });

  test('mean the same as JSON.parse, however the text is spaced', () => {
    const spaces = fc.constantFrom(0, 1, 3, '\t');
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), spaces, (object, space) => {
        const text = JSON.stringify(object, null, space);
        const parsed = JSON.parse(text) as Record<string, unknown>;
        for (const name of Object.keys(parsed)) {
          expect(JSON.parse(memberText(text, name) as string)).toEqual(parsed[name]);
        }
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), spaces, (array, space) => {
        const text = JSON.stringify(array, null, space);
        expect(elementTexts(text).map((each) => JSON.parse(each) as unknown)).toEqual(
          JSON.parse(text),
        );
      }),
    );
  });
});

describe('values to compare', () => {
  const compared = (json: string) => JSON.stringify(unrounded(JSON.parse(json), json));

  test('are what JSON.parse makes of a text, where it rounds nothing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(compared(text)).toBe(text);
      }),
    );
  });

  test('tell apart what it rounds to one, and not what is written in two ways', () => {
    expect(compared('[9007199254740993]')).not.toBe(compared('[9007199254740992]'));
    expect(compared('[0.10000000000000000001]')).not.toBe(compared('[0.1]'));
    expect(compared('[1e400]')).not.toBe(compared('[1e401]'));
    expect(compared('[12345678901234567890]')).toBe(compared('[1234567890123456789.0E1]'));
    expect(compared('["12345678901234567890"]')).toBe('["12345678901234567890"]');
    expect(compared('["\\"1e5\\\\", 1e5, -0, 0.000e9]')).toBe('["\\"1e5\\\\",100000,0,0]');
  });

  test('take a moment for the longest of numbers', () => {
    const long = `[1${'0'.repeat(60_000)}1, 1e${'9'.repeat(1000)}]`;
    expect(compared(long)).toContain('e0');
  });
});

test('printed, marked members stand as they were written, and all else as usual', () => {
  const view = {
    payload: '{"n":9007199254740993, "d":1e400}',
    list: [{ payload: '[]' }],
    note: '"payload"',
  };
  expect(printWith(view, 'payload')).toBe(
    '{"payload":{"n":9007199254740993, "d":1e400},"list":[{"payload":[]}],"note":"\\"payload\\""}',
  );
});
