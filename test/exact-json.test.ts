import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { elementTexts, memberText } from '../src/exact-json.ts';

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
