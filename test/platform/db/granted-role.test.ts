import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import pino from 'pino';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type Gateway, startGateway } from '../../../src/app/start.ts';
import { apiOf } from '../../support/api.ts';
import { OPERATOR_KEY } from '../../support/gateway.ts';
import { friendly } from '../../support/hostile-settings.ts';
import { startReceiver } from '../../support/receiver.ts';

const name = `postrider_test_role_${randomBytes(4).toString('hex')}`;
let admin: pg.Client;
let gateway: Gateway;

/** The statements of the guide, for a role and a database of the test's own. */
function statementsOfTheGuide(): string[] {
  const guide = readFileSync('docs/security.md', 'utf8');
  const [, sql = ''] = /```sql\n(CREATE ROLE postrider [^`]*)```/.exec(guide) ?? [];
  return sql
    .replace(/\bpostrider\b/g, name)
    .replace('…', 'secret')
    .split(';')
    .filter((statement) => statement.trim() !== '');
}

beforeAll(async () => {
  const { adminUrl } = inject('postgres');
  admin = new pg.Client({ connectionString: friendly(adminUrl) });
  admin.on('error', () => undefined);
  await admin.connect();
  for (const statement of statementsOfTheGuide()) await admin.query(statement);
  const url = new URL(adminUrl);
  url.username = name;
  url.password = 'secret';
  url.pathname = `/${name}`;
  gateway = await startGateway(
    {
      HOST: '127.0.0.1',
      PORT: 0,
      ROLES: ['api', 'worker'],
      REDIS_URL: undefined,
      ALLOW_PRIVATE_TARGETS: true,
    },
    { databaseUrl: url.href, encryptionKeys: [randomBytes(32)], operatorKey: OPERATOR_KEY },
    pino({ level: 'silent' }),
  );
});
afterAll(async () => {
  await gateway?.close();
  await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await admin.query(`DROP ROLE IF EXISTS ${name}`);
  await admin.end();
});

test('a gateway works as the role of the guide: it migrates, accepts and delivers', async () => {
  const operator = apiOf(() => gateway.url ?? '', OPERATOR_KEY);
  const receiver = await startReceiver();
  await operator.post('/v1/merchants', { id: 'm_1', name: 'Shop' }).expect(201);
  const { body: key } = await operator
    .post('/v1/keys', { role: 'producer', name: 'p' })
    .expect(201);
  const { body } = await apiOf(() => gateway.url ?? '', key.key)
    .post('/v1/notifications', {
      merchantId: 'm_1',
      type: 'order.paid',
      businessKey: 'ORDER-1',
      payload: {},
      notifyUrl: receiver.url(),
    })
    .expect(202);
  await receiver.waitFor(1);
  await operator.get(`/v1/notifications/${body.id}`).expect(200);
  const { rows } = await admin.query(
    `SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = '${name}'`,
  );
  expect(rows).toEqual([{ usename: name }]);
  await receiver.close();
});
