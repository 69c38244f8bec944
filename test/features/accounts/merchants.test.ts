import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTargets } from '../../../src/features/accounts/signing/destinations.ts';
import { type Gateway, startGateway } from './gateway.ts';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const create = (body: object) => gateway.call('POST', '/v1/merchants', { body });

const secretsOf = async (id: string) => {
  const targets = createTargets({ ...gateway, log: { error: () => {} } });
  return (await targets.loadMerchantSecrets([id])).get(id);
};

describe('POST /v1/merchants', () => {
  test('gives a merchant a key that works and a secret, both shown once', async () => {
    const { status, body } = await create({ id: 'm_1001', name: 'Tea & Co' });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: 'm_1001',
      name: 'Tea & Co',
      key: expect.stringMatching(/^pr_merchant_/),
      secret: expect.stringMatching(/^whsec_/),
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    const own = await gateway.call('GET', '/v1/merchants/m_1001/endpoints', { key: body.key });
    expect(own.status).toBe(200);

    const again = await gateway.call('GET', '/v1/merchants/m_1001');
    expect(again.body).toEqual({ id: 'm_1001', name: 'Tea & Co', createdAt: body.createdAt });
    const row = await gateway.database.prisma.merchant.findUniqueOrThrow({
      where: { id: 'm_1001' },
    });
    expect(row.secret).not.toContain(body.secret);
    expect(await secretsOf('m_1001')).toEqual([body.secret]);
  });

  test('makes an id where none is given', async () => {
    expect((await create({ name: 'Anonymous' })).body.id).toMatch(/^mch_[0-9a-z]{26}$/);
  });

  test('refuses an id that is taken and leaves its owner alone', async () => {
    const first = await create({ id: 'taken', name: 'First' });
    const second = await create({ id: 'taken', name: 'Second' });
    expect(second).toMatchObject({ status: 409, body: { code: 'merchant_exists' } });
    expect((await gateway.call('GET', '/v1/merchants/taken')).body.name).toBe('First');
    expect(await gateway.keyRing.authenticate(first.body.key)).not.toBeNull();
    expect(await secretsOf('taken')).toEqual([first.body.secret]);
  });

  test('of a hundred at once with one id, one succeeds', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => create({ id: 'crowd', name: 'Crowd' })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(99);
    const keys = await gateway.database.prisma.apiKey.count({ where: { merchantId: 'crowd' } });
    expect(keys).toBe(1);
  });

  test('with an Idempotency-Key answers a repeat with the same secrets', async () => {
    const asked = { body: { id: 'once', name: 'Once' }, headers: { 'idempotency-key': 'm-once' } };
    const [first, again] = [
      await gateway.call('POST', '/v1/merchants', asked),
      await gateway.call('POST', '/v1/merchants', asked),
    ];
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });

  test('a repeat after a crash answers with secrets that hold', async () => {
    const route = gateway.routes.find(
      ({ method, path }) => `${method} ${path}` === 'post /v1/merchants',
    );
    const call = (reservedId: string) =>
      route?.handle({ body: { id: 'phoenix', name: 'Phoenix' }, reservedId } as never);
    await call('01939d0e-0000-7000-8000-00000000000a');
    const again = await call('01939d0e-0000-7000-8000-00000000000a');
    const seen = again?.body as { key: string; secret: string };
    expect(await gateway.keyRing.authenticate(seen.key)).toMatchObject({ merchantId: 'phoenix' });
    expect(await secretsOf('phoenix')).toEqual([seen.secret]);
    await expect(call('01939d0e-0000-7000-8000-00000000000b')).rejects.toMatchObject({
      code: 'merchant_exists',
    });
  });

  test.each([
    ['an id with a slash', { id: 'a/b', name: 'x' }, 'body.id'],
    ['an empty id', { id: '', name: 'x' }, 'body.id'],
    ['an id of 65 characters', { id: 'a'.repeat(65), name: 'x' }, 'body.id'],
    ['no name', { id: 'a' }, 'body.name'],
    ['a name of 129 characters', { name: 'n'.repeat(129) }, 'body.name'],
    ['an unknown field', { name: 'x', plan: 'gold' }, 'body.plan'],
  ])('refuses %s', async (_name, body, path) => {
    const answer = await create(body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0].path).toBe(path);
  });
});

test('a merchant is renamed, an absent one is not', async () => {
  const { id } = await gateway.merchant();
  const path = `/v1/merchants/${id}`;
  const renamed = await gateway.call('PATCH', path, { body: { name: 'Coffee' } });
  expect(renamed).toMatchObject({ status: 200, body: { id, name: 'Coffee' } });
  expect((await gateway.call('GET', path)).body.name).toBe('Coffee');
  expect((await gateway.call('PATCH', path, { body: { id: 'other' } })).status).toBe(422);
  for (const [method, suffix, body] of [
    ['GET', '', undefined],
    ['PATCH', '', { name: 'x' }],
    ['POST', '/rotate-secret', {}],
    ['GET', '/endpoints', undefined],
  ] as const) {
    const answer = await gateway.call(method, `/v1/merchants/nobody${suffix}`, { body });
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
  }
});

test('the list is newest first, whatever the ids, and pages without skips or repeats', async () => {
  for (const id of ['zz-first', 'aa-second', 'mm-third']) await create({ id, name: id });
  const first = await gateway.call('GET', '/v1/merchants?limit=2');
  expect(idsOf(first)).toEqual(['mm-third', 'aa-second']);
  await create({ id: 'bb-meanwhile', name: 'x' });
  const next = await gateway.call('GET', `/v1/merchants?limit=1&cursor=${first.body.nextCursor}`);
  expect(idsOf(next)).toEqual(['zz-first']);

  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const page = await gateway.call('GET', `/v1/merchants?limit=3${query}`);
    seen.push(...idsOf(page));
    cursor = page.body.nextCursor;
  }
  expect(seen).toHaveLength(await gateway.database.prisma.merchant.count());
  expect(new Set(seen).size).toBe(seen.length);
});

describe('POST /v1/merchants/{merchantId}/rotate-secret', () => {
  test('both secrets sign until the overlap ends, the new one first', async () => {
    const { id, secret: old } = await gateway.merchant();
    const path = `/v1/merchants/${id}/rotate-secret`;
    const { status, body } = await gateway.call('POST', path, { body: { overlapSeconds: 60 } });
    expect(status).toBe(200);
    expect(await secretsOf(id)).toEqual([body.secret, old]);
    await gateway.travel(60_001);
    expect(await secretsOf(id)).toEqual([body.secret]);
  });

  test('overlaps for a day when nothing is said, also without a body', async () => {
    for (const body of [undefined, {}]) {
      const { id } = await gateway.merchant();
      const before = await clock();
      const answer = await gateway.call('POST', `/v1/merchants/${id}/rotate-secret`, { body });
      const overlapMs = Date.parse(answer.body.previousSecretExpiresAt) - before;
      expect(overlapMs).toBeGreaterThanOrEqual(86_400_000);
      expect(overlapMs).toBeLessThan(86_410_000);
    }
  });

  test('may do without an overlap', async () => {
    const { id } = await gateway.merchant();
    const path = `/v1/merchants/${id}/rotate-secret`;
    const { body } = await gateway.call('POST', path, { body: { overlapSeconds: 0 } });
    expect(await secretsOf(id)).toEqual([body.secret]);
  });

  test.each([-1, 1.5, 2_592_001, '60', null])(
    'refuses an overlap of %j',
    async (overlapSeconds) => {
      const path = '/v1/merchants/m_1001/rotate-secret';
      const answer = await gateway.call('POST', path, { body: { overlapSeconds } });
      expect(answer.status).toBe(422);
      expect(answer.body.errors[0].path).toBe('body.overlapSeconds');
    },
  );
});

function idsOf(answer: { body: { data: { id: string }[] } }): string[] {
  return answer.body.data.map(({ id }) => id);
}

async function clock(): Promise<number> {
  const rows = await gateway.database.prisma.$queryRaw<{ now: Date }[]>`
    SELECT postrider_now() AS now`;
  return rows[0]?.now.getTime() ?? Number.NaN;
}
