import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { notFound, Problem } from '../../src/api/problem.ts';
import { problemOf } from '../../src/http/errors.ts';
import { openDatabase } from '../../src/platform/db/client.ts';
import { plainServer } from '../../src/platform/db/server.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { get, type Running, serve } from './harness.ts';

let thrown: unknown;
let running: Running;
beforeAll(async () => {
  const fails = get('/v1/fails/{id}', async () => {
    throw thrown;
  });
  running = await serve({ routes: [fails] });
});
afterAll(() => running.close());

async function answerTo(error: unknown) {
  thrown = error;
  return running.call('/v1/fails/7', { headers: { 'x-request-id': 'r-1' } });
}

test('a Problem is itself, with its headers and its faults', async () => {
  const errors = [{ path: 'body.a', message: 'no' }];
  const answer = await answerTo(
    new Problem(409, 'already_delivered', 'It arrived.', { errors, headers: { 'x-more': '1' } }),
  );
  expect(answer.status).toBe(409);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(answer.headers.get('x-more')).toBe('1');
  expect(answer.json).toEqual({
    type: 'about:blank',
    title: 'Conflict',
    status: 409,
    detail: 'It arrived.',
    code: 'already_delivered',
    instance: '/v1/fails/7',
    requestId: 'r-1',
    errors,
  });
});

test('what is absent and what is not theirs look the same', async () => {
  const one = await answerTo(notFound('delivery'));
  const other = await answerTo(notFound('delivery'));
  expect(one.text).toBe(other.text);
});

test('a ZodError that a feature lets through is the caller’s fault', async () => {
  const answer = await answerTo(z.object({ a: z.string() }).safeParse({}).error);
  expect([answer.status, answer.json.code]).toEqual([422, 'invalid_request']);
  expect(answer.json.errors).toEqual([{ path: 'a', message: 'Required.' }]);
});

test.each([
  [400, 'bad_request'],
  [413, 'payload_too_large'],
])('an error that Express exposes as %i is %s', async (status, code) => {
  const error = Object.assign(new Error('SECRET'), { status, expose: true });
  const answer = await answerTo(error);
  expect([answer.status, answer.json.code]).toEqual([status, code]);
  expect(answer.text).not.toContain('SECRET');
});

test.each<[string, unknown]>([
  ['an error', Object.assign(new Error('SECRET'), { meta: { row: 'SECRET2' } })],
  ['a text', 'SECRET'],
  ['nothing', undefined],
  ["somebody else's status", Object.assign(new Error('SECRET'), { status: 404 })],
])('%s that nobody foresaw → 500, logged, and nothing of it told', async (_name, error) => {
  running.logged.length = 0;
  const answer = await answerTo(error);
  expect([answer.status, answer.json.code]).toEqual([500, 'internal_error']);
  expect(answer.text).not.toContain('SECRET');
  const line = running.logged.find((entry) => entry.msg === 'request failed');
  expect(line).toMatchObject({ level: 50, requestId: 'r-1', route: '/v1/fails/{id}' });
  expect(JSON.stringify(line)).not.toContain('SECRET2');
});

describe('a database that is away or busy → 503, come back in a second', () => {
  const coded = (code: string) => Object.assign(new Error('x'), { code });
  test.each<[string, unknown]>([
    ['connection lost', new Error('Connection terminated unexpectedly')],
    ['no free connection', new Error('timeout exceeded when trying to connect')],
    ['refused', coded('ECONNREFUSED')],
    ['refused on every address', new AggregateError([coded('ECONNREFUSED')])],
    ['Prisma: cannot reach', coded('P1001')],
    ['Prisma: closed', coded('P1017')],
    ['Prisma: pool', coded('P2024')],
    ['Prisma: transaction', coded('P2028')],
    ['shut down', coded('57P01')],
    ['starting up', coded('57P03')],
    ['connection exception', coded('08006')],
    ['too many connections', coded('53300')],
    ['chosen to end a deadlock', coded('40P01')],
    ['two at once', coded('40001')],
    ['a lock that somebody keeps', coded('55P03')],
    ['ended after its time', coded('57014')],
    ['Prisma: two at once', coded('P2034')],
    ['a cause within', new Error('x', { cause: new Error('y', { cause: coded('57P01') }) })],
    [
      'a raw query that Prisma wraps',
      Object.assign(coded('P2010'), {
        meta: { driverAdapterError: new Error('x', { cause: { originalCode: '57P01' } }) },
      }),
    ],
  ])('%s', async (_name, error) => {
    const answer = await answerTo(error);
    expect([answer.status, answer.json.code]).toEqual([503, 'unavailable']);
    expect(answer.headers.get('retry-after')).toBe('1');
  });

  test.each<[string, unknown]>([
    ['a unique violation', coded('23505')],
    ['a wrong query', coded('42601')],
    ['its own cause', selfCaused()],
  ])('but %s is our fault', (_name, error) => {
    expect(problemOf(error).status).toBe(500);
  });

  function selfCaused(): Error {
    const error = new Error('x');
    error.cause = error;
    return error;
  }
});

describe('real database troubles', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await testDatabase();
  });
  afterAll(() => db.drop());

  async function failureOf(run: Promise<unknown>): Promise<unknown> {
    return run.then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  test('a connection cut within a query', async () => {
    const { prisma } = db.database;
    const error = await failureOf(prisma.$queryRaw`SELECT pg_terminate_backend(pg_backend_pid())`);
    expect(problemOf(error).code).toBe('unavailable');
  });

  test('nobody listens', async () => {
    const away = openDatabase(plainServer('postgres://x@127.0.0.1:1/x'), { maxConnections: 1 });
    expect(problemOf(await failureOf(away.prisma.$queryRaw`SELECT 1`)).code).toBe('unavailable');
    expect(problemOf(await failureOf(away.prisma.queue.findMany())).code).toBe('unavailable');
    await away.close();
  });

  test('the pool is closed', async () => {
    const closed = openDatabase(plainServer(db.url), { maxConnections: 1 });
    await closed.pool.end();
    expect(problemOf(await failureOf(closed.prisma.$queryRaw`SELECT 1`)).code).toBe('unavailable');
  });

  test('a broken statement is not "unavailable"', async () => {
    const error = await failureOf(db.database.prisma.$queryRaw`SELECT * FROM absent`);
    expect(problemOf(error).code).toBe('internal_error');
  });
});
