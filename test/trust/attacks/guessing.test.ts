import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../../support/gateway.ts';

/** What an address may show in a minute. */
const LIMIT = 300;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await testGateway({ roles: ['api'], trustProxy: '127.0.0.1' });
});
afterAll(() => gateway.close());

async function callFrom(address: string, key: string): Promise<number> {
  const headers = { authorization: `Bearer ${key}`, 'x-forwarded-for': address };
  const answer = await fetch(`${gateway.url}/v1/queues`, { headers });
  await answer.arrayBuffer();
  return answer.status;
}

test('who guesses keys learns nothing after a while, and whoever was there before goes on', async () => {
  const office = '198.51.100.20';
  const { key: producer } = await gateway.producer();
  expect(await callFrom(office, producer)).toBe(200);
  const guesses = Array.from(
    { length: LIMIT + 100 },
    () => `guess-${randomBytes(24).toString('hex')}`,
  );
  const statuses = await Promise.all(guesses.map((guess) => callFrom(office, guess)));
  expect(statuses.filter((status) => status === 401)).toHaveLength(LIMIT);
  expect(statuses.filter((status) => status === 429)).toHaveLength(100);
  // The right guess looks like a wrong one.
  expect(await callFrom(office, OPERATOR_KEY)).toBe(429);
  expect(await callFrom(office, producer)).toBe(200);
  expect(await callFrom('198.51.100.21', OPERATOR_KEY)).toBe(200);
});
