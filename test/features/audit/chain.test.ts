import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { archiveOld } from '../../../src/features/audit/archive.ts';
import { sealEntries } from '../../../src/features/audit/seal.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { temporaryFolder } from '../../support/process.ts';
import { until } from '../../support/until.ts';

const DAY_MS = 86_400_000;

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await testGateway({ roles: ['api'] });
});
afterEach(() => gateway.close());

/** Leaves entries in the log and gives them their places. */
async function enter(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    await gateway.operator.post('/v1/merchants', { name: `Shop ${n}` }).expect(201);
  }
  await sealEntries(gateway.db.database);
}
const verify = async (query = '') =>
  (await gateway.operator.get(`/v1/audit-log/verify${query}`).expect(200)).body;
const query = (text: string, values: unknown[] = []) =>
  gateway.db.database.pool.query(text, values);
/** As the owner of the tables could do it. */
async function forge(...statements: string[]): Promise<void> {
  const tables = ['audit_entry', 'audit_outcome', 'audit_seal'];
  for (const table of tables) await query(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
  for (const statement of statements) await query(statement);
  for (const table of tables) await query(`ALTER TABLE ${table} ENABLE TRIGGER ALL`);
}
const entryAt = (place: number) => `(SELECT entry_id FROM audit_seal WHERE place = ${place})`;

test('what has entered the log gets its place in the chain by itself, and is found whole', async () => {
  await gateway.close();
  gateway = await testGateway();
  await gateway.operator.post('/v1/merchants', { name: 'Shop' }).expect(201);
  await until(async () => (await verify()).lastPlace === '1');
  expect(await verify()).toMatchObject({ isWhole: true, checked: 1, unsealed: 0, next: null });
});

test('a long log is verified piece by piece', async () => {
  await enter(5);
  await gateway.operator.post('/v1/merchants', { name: 'The last' }).expect(201);
  const whole = await verify();
  expect(whole).toMatchObject({
    isWhole: true,
    checked: 5,
    lastPlace: '5',
    unsealed: 1,
    faults: [],
  });
  const first = await verify('?limit=2');
  expect(first).toMatchObject({ isWhole: true, checked: 2, lastPlace: '2', next: '2' });
  const rest = await verify(`?after=${first.next}`);
  expect(rest).toMatchObject({ isWhole: true, checked: 3, lastHash: whole.lastHash, next: null });
  await gateway.operator.get('/v1/audit-log/verify?after=77').expect(404);
  await gateway.operator.get('/v1/audit-log/verify?after=99999999999999999999').expect(422);
});

test.each([
  ['an entry', `UPDATE audit_entry SET key_name = 'somebody else' WHERE id = ${entryAt(3)}`],
  ['an end', `UPDATE audit_outcome SET status = 409 WHERE entry_id = ${entryAt(3)}`],
  ['an end that is gone', `DELETE FROM audit_outcome WHERE entry_id = ${entryAt(3)}`],
])('whoever changes %s is seen', async (_, statement) => {
  await enter(5);
  await forge(statement);
  expect(await verify()).toMatchObject({
    isWhole: false,
    faults: [{ place: '3', kind: 'changed_entry' }],
  });
});

test('whoever takes an entry out is seen, with its place or without', async () => {
  await enter(5);
  await forge(
    `DELETE FROM audit_outcome WHERE entry_id = ${entryAt(2)}`,
    `DELETE FROM audit_entry WHERE id = ${entryAt(2)}`,
  );
  expect((await verify()).faults).toEqual([{ place: '2', kind: 'missing_entry' }]);
  await forge('DELETE FROM audit_seal WHERE place = 2');
  expect((await verify()).faults).toEqual([{ place: '3', kind: 'gap' }]);
});

test('whoever cuts the end off is seen', async () => {
  await enter(5);
  await forge('DELETE FROM audit_seal WHERE place > 3');
  expect((await verify()).faults).toEqual([{ place: '5', kind: 'head' }]);
});

test('what an older version enters gets its place with its end, or after an hour without one', async () => {
  const { database } = gateway.db;
  const begin = (id: string) =>
    query(
      `INSERT INTO audit_entry (id, action, object_kind, key_id, key_name, key_role, request_id)
       VALUES ($1, 'queue.put', 'queue', 'key_x', 'x', 'operator', 'old')`,
      [id],
    );
  await begin('aud_ends');
  await begin('aud_dies');
  expect(await sealEntries(database)).toBe(0);
  await query(`INSERT INTO audit_outcome (entry_id, status) VALUES ('aud_ends', 200)`);
  expect(await sealEntries(database)).toBe(1);
  await gateway.db.travel(3_600_001);
  expect(await sealEntries(database)).toBe(1);
  expect(await verify()).toMatchObject({ isWhole: true, checked: 2, unsealed: 0 });
});

test('two workers that seal at once give each place once', async () => {
  await enter(0);
  await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      gateway.operator.post('/v1/merchants', { name: `Shop ${n}` }).expect(201),
    ),
  );
  const { database } = gateway.db;
  const sealed = await Promise.all([
    sealEntries(database),
    sealEntries(database),
    sealEntries(database),
  ]);
  await sealEntries(database);
  expect(sealed.reduce((sum, each) => sum + each, 0)).toBeGreaterThan(0);
  expect(await verify()).toMatchObject({ isWhole: true, checked: 40, unsealed: 0 });
});

test('old months go into files that prove themselves, and the rest stays verifiable', async () => {
  const folder = await temporaryFolder();
  const archive = () =>
    archiveOld({
      database: gateway.db.database,
      months: 2,
      folder: join(folder.path, 'archive'),
      log: pino({ level: 'silent' }),
    });
  try {
    await enter(4);
    const { lastHash } = await verify();
    expect(await archive()).toBeNull();
    await gateway.db.travel(100 * DAY_MS);
    await enter(2);

    const piece = await archive();
    expect(piece).toMatchObject({ firstPlace: 1n, lastPlace: 4n, lastHash });
    expect(await archive()).toBeNull();
    const path = join(folder.path, 'archive', piece?.file ?? '');
    expect(piece?.file).toMatch(/^audit-\d{4}-\d{2}-1-4\.ndjson$/);
    expect(readdirSync(join(folder.path, 'archive'))).toEqual([piece?.file]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const text = readFileSync(path, 'utf8');
    expect(createHash('sha256').update(text).digest('hex')).toBe(piece?.fileSha256);
    // As docs/security.md tells how to do it without the gateway.
    let hash = '0'.repeat(64);
    for (const line of text.trim().split('\n')) {
      const entry = line.slice(line.indexOf('"entry":') + '"entry":'.length, -1);
      hash = createHash('sha256').update(`${hash}\n${entry}`).digest('hex');
      expect(JSON.parse(line)).toMatchObject({
        hash,
        entry: { action: 'merchant.create', status: 201 },
      });
    }
    expect(hash).toBe(lastHash);

    const { rows } = await query('SELECT count(*)::int AS left FROM audit_entry');
    expect(rows).toEqual([{ left: 2 }]);
    expect(await verify()).toMatchObject({ isWhole: true, checked: 2, lastPlace: '6' });
    expect(await verify('?after=4')).toMatchObject({ isWhole: true, checked: 2 });
    const { body } = await gateway.operator.get('/v1/audit-log/archive').expect(200);
    expect(body.data).toMatchObject([
      { firstPlace: '1', lastPlace: '4', file: piece?.file, lastHash },
    ]);
    await expect(query('DELETE FROM audit_entry')).rejects.toThrow('append-only');
    await expect(query('DELETE FROM audit_archive')).rejects.toThrow('append-only');
  } finally {
    await folder.remove();
  }
});

test('an archive of what was changed is refused, and nothing goes', async () => {
  const folder = await temporaryFolder();
  try {
    await enter(3);
    await forge(`UPDATE audit_entry SET reason = 'forged' WHERE id = ${entryAt(2)}`);
    await gateway.db.travel(100 * DAY_MS);
    const options = {
      database: gateway.db.database,
      months: 2,
      folder: folder.path,
      log: pino({ level: 'silent' }),
    };
    await expect(archiveOld(options)).rejects.toThrow('not whole at place 2');
    const { rows } = await query('SELECT count(*)::int AS left FROM audit_entry');
    expect(rows).toEqual([{ left: 3 }]);
  } finally {
    await folder.remove();
  }
});

test('no statement drops what is young by calling it archived', async () => {
  await enter(3);
  const { rows } = await query('SELECT hash FROM audit_seal WHERE place = 3');
  const pretend = query(
    `INSERT INTO audit_archive (first_place, last_place, first_at, last_at, previous_hash, last_hash, file, file_sha256)
     VALUES (1, 3, 'epoch', 'epoch', $1, $2, 'none', 'none')`,
    ['0'.repeat(64), rows[0].hash],
  );
  await expect(pretend).rejects.toThrow('append-only');
  for (const table of ['audit_seal', 'audit_entry', 'audit_outcome', 'audit_archive']) {
    await expect(query(`TRUNCATE ${table} CASCADE`)).rejects.toThrow('append-only');
  }
  await expect(query('DELETE FROM audit_seal')).rejects.toThrow('append-only');
  await expect(query('UPDATE audit_seal SET hash = hash')).rejects.toThrow('append-only');
});
