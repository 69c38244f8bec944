import { expect, test } from 'vitest';
import { namespaces } from '../../src/console/words.ts';

type Words = { [key: string]: string | Words };

function flat(words: Words, path = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(words)) {
    if (typeof value === 'string') found.set(`${path}${key}`, value);
    else for (const [name, text] of flat(value, `${path}${key}.`)) found.set(name, text);
  }
  return found;
}

/** `{{count}}` and its like, sorted. */
const blanks = (text: string) => (text.match(/{{\w+}}/g) ?? []).sort();

test.each(Object.entries(namespaces))('%s says the same in both languages', (_name, words) => {
  const [en, zh] = [flat(words.en), flat(words.zh as Words)];
  expect([...zh.keys()].sort()).toEqual([...en.keys()].sort());
  for (const [key, text] of en) {
    expect(zh.get(key)?.trim(), key).not.toBe('');
    // A singular may say "one" in words; the plural form has the number.
    if (!key.endsWith('_one')) expect(blanks(zh.get(key) ?? ''), key).toEqual(blanks(text));
  }
});
