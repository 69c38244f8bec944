import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MUTANTS } from '../../simulate/mutant-list.ts';

// Whether a test notices each of them is `npm run mutants`; here only that the list does not rot.
test('each guard on the list of mutants still stands in its file, once', () => {
  const gone = MUTANTS.filter(
    ({ file, from }) => readFileSync(file, 'utf8').split(from).length !== 2,
  );
  expect(gone.map(({ name, file }) => `${name}: ${file}`)).toEqual([]);
});

test('whoever has to notice is there, and no mutant is the original', () => {
  expect(MUTANTS.flatMap(({ tests }) => tests).filter((file) => !existsSync(file))).toEqual([]);
  expect(MUTANTS.filter(({ from, to }) => from === to)).toEqual([]);
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
});
