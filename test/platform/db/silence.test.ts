import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../../src/platform/db/client.ts';
import { plainServer } from '../../../src/platform/db/server.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { startTcpProxy, type TcpProxy, through } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';

let db: TestDatabase;
let proxy: TcpProxy;
let database: Database;
const lost: Error[] = [];

beforeEach(async () => {
  db = await testDatabase();
  const { hostname, port } = new URL(db.url);
  proxy = await startTcpProxy({ host: hostname, port: Number(port) });
  lost.length = 0;
  database = openDatabase(plainServer(through(proxy, db.url)), {
    maxConnections: 4,
    report: (error) => lost.push(error),
  });
});
afterEach(async () => {
  await database.close();
  await proxy.close();
  await db.drop();
});

test('a statement whose connection goes silent fails long before TCP notices, and the next one works', async () => {
  await database.prisma.$queryRaw`SELECT 1`;
  proxy.silence();
  await expect(database.prisma.$queryRaw`SELECT 1`).rejects.toThrow(/it went silent/);
  expect(await database.prisma.$queryRaw`SELECT 1 AS one`).toEqual([{ one: 1 }]);
});

test('one silent connection takes the idle ones with it, so that nobody tries them one by one', async () => {
  await Promise.all(
    Array.from({ length: 4 }, () => database.prisma.$queryRaw`SELECT pg_sleep(0.2)::text`),
  );
  expect(database.pool.totalCount).toBe(4);
  proxy.silence();
  await expect(database.prisma.$queryRaw`SELECT 1`).rejects.toThrow(/it went silent/);
  await until(() => database.pool.totalCount === 0);
});

test('a transaction whose connection goes silent between two statements fails, and gives its place back', async () => {
  const work = database.prisma.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT 1`;
    proxy.silence();
    await tx.$queryRaw`SELECT 2`;
  });
  await expect(work).rejects.toThrow();
  await until(() => database.pool.totalCount === 0);
});

test('a statement that takes ten seconds is slow and not silent', async () => {
  await database.prisma.$queryRaw`SELECT pg_sleep(10)::text`;
  expect(lost).toEqual([]);
});
