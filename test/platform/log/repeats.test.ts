import { pino } from 'pino';
import { expect, test } from 'vitest';
import { faultOf } from '../../../src/platform/log/fault.ts';
import { countRepeats } from '../../../src/platform/log/repeats.ts';
import { until } from '../../support/until.ts';

function loggerOf(countingMs: number) {
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { hooks: { logMethod: countRepeats(countingMs) }, serializers: { err: faultOf } },
    { write: (line) => lines.push(JSON.parse(line)) },
  );
  return { log, lines };
}

/** As Prisma wraps what PostgreSQL said. */
function refused(originalCode: string, originalMessage: string): Error {
  return Object.assign(new Error('Raw query failed'), {
    name: 'PrismaClientKnownRequestError',
    code: 'P2010',
    meta: { driverAdapterError: new Error('x', { cause: { originalCode, originalMessage } }) },
  });
}

test('a fault says its SQLSTATE and PostgreSQL’s own words, and where it happened', () => {
  const { log, lines } = loggerOf(60_000);
  log.error({ err: refused('42703', 'column "gone" does not exist') }, 'a claim failed');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    level: 50,
    msg: 'a claim failed',
    err: {
      error: 'PrismaClientKnownRequestError',
      sqlState: '42703',
      message: 'column "gone" does not exist',
      at: expect.arrayContaining([expect.stringContaining('repeats.test.ts')]),
    },
  });
});

test('values that PostgreSQL quotes are left out', () => {
  const { log, lines } = loggerOf(60_000);
  log.error(
    { err: refused('22P02', 'invalid input syntax for type integer: "6222 0000 1111"') },
    'x',
  );
  expect(JSON.stringify(lines)).not.toContain('6222');
  expect(lines[0]).toMatchObject({
    err: { message: 'invalid input syntax for type integer: "…"' },
  });
});

test('the same fault of the same step is said once, and then how often it came again', async () => {
  const { log, lines } = loggerOf(100);
  for (let n = 0; n < 50; n += 1)
    log.error({ err: refused('57P01', 'shutting down') }, 'a claim failed');
  expect(lines).toHaveLength(1);
  await until(() => lines.length === 2);
  expect(lines[1]).toMatchObject({
    level: 50,
    msg: 'a claim failed',
    sqlState: '57P01',
    repeated: 49,
    withinSeconds: 0.1,
  });
});

test('another step, another fault, and what is no fault are each said', () => {
  const { log, lines } = loggerOf(60_000);
  log.error({ err: refused('57P01', 'shutting down') }, 'a claim failed');
  log.error({ err: refused('57P01', 'shutting down') }, 'a record failed');
  log.error({ err: refused('53100', 'disk full') }, 'a claim failed');
  for (let n = 0; n < 3; n += 1) log.info({ n }, 'attempt');
  expect(lines).toHaveLength(6);
});
