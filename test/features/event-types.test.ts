import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EVENT_TYPE_NAMES, EVENT_TYPES } from '../../src/features/event-types/catalogue.ts';
import { letsThrough, meant } from '../../src/features/event-types/filter.ts';

const page = readFileSync('docs/events.md', 'utf8');
const rows = page.split('\n').filter((line) => /^\| `[a-z]+\.[a-z]+` \|/.test(line));

test('the page lists every type of the catalogue, and no other', () => {
  const listed = rows.map((row) => row.split('`')[1]);
  expect(listed.toSorted()).toEqual(EVENT_TYPE_NAMES.toSorted());
});

test.each(EVENT_TYPE_NAMES)('the page names all that is in the data of %s', (type) => {
  const { shape } = EVENT_TYPES[type].data;
  const items = 'items' in shape ? Object.keys(shape.items.unwrap().shape) : [];
  const words = (rows.find((row) => row.startsWith(`| \`${type}\` `)) ?? '').split('`');
  const missing = [...Object.keys(shape), ...items].filter((name) => !words.includes(name));
  expect(missing).toEqual([]);
});

test('a filter is a type, or the beginning of some', () => {
  expect(letsThrough(['endpoint.*'], 'endpoint.disabled')).toBe(true);
  expect(letsThrough(['endpoint.disabled'], 'endpoint.disabled.twice')).toBe(false);
  expect(meant('tcc.*', false)).toEqual([]);
  expect(meant('tcc.*', true)).toHaveLength(3);
});
