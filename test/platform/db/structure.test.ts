import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { STRUCTURE, structureOf } from '../../../scripts/structure/dump.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db?.drop());

test('prisma/structure.sql is what all migrations together leave', async () => {
  const now = await structureOf(db.database.pool);
  expect(now, 'npm run structure').toBe(readFileSync(STRUCTURE, 'utf8'));
});
