import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, test } from 'vitest';
import { environment, readConfig } from '../../src/config.ts';
import { runGateway, temporaryFolder } from '../support/process.ts';

const example = parseEnv(readFileSync('.env.example', 'utf8'));

function read(env: Record<string, string>) {
  const read = readConfig(env);
  if ('faults' in read) throw new Error(read.faults.join('\n'));
  return read.config;
}

function faultsOf(env: Record<string, string>): string[] {
  const read = readConfig(env);
  return 'faults' in read ? read.faults : [];
}

describe('.env.example', () => {
  test('names every setting, and nothing else', () => {
    expect(Object.keys(example).sort()).toEqual(Object.keys(environment.shape).sort());
  });

  test('says the defaults that hold', () => {
    expect(read(example as Record<string, string>)).toEqual(read({}));
  });

  test('says of every setting what it is', () => {
    const blocks = readFileSync('.env.example', 'utf8').trim().split('\n\n');
    for (const block of blocks) expect(block).toMatch(/^# /);
  });
});

describe('the settings', () => {
  test('nothing has to be set', () => {
    expect(read({})).toMatchObject({
      PORT: 3000,
      HOST: '127.0.0.1',
      DATA_DIR: './.data',
      ROLES: ['api', 'worker'],
      ALLOW_PRIVATE_TARGETS: false,
      RETENTION_DAYS: 90,
      LOG_LEVEL: 'info',
    });
  });

  test.each([
    ['PORT', '8080', 8080],
    ['PORT', '0', 0],
    ['HOST', '::', '::'],
    ['ROLES', 'worker', ['worker']],
    ['ROLES', 'worker, api', ['worker', 'api']],
    ['REDIS_URL', 'rediss://user:secret@redis.internal:6380/2', expect.any(String)],
    ['OPERATOR_KEY', 'operator-key-of-24-signs', 'operator-key-of-24-signs'],
    ['METRICS_TOKEN', 'x'.repeat(16), 'x'.repeat(16)],
    ['ENCRYPTION_KEY', keyOf(1), [Buffer.alloc(32, 1)]],
    ['ENCRYPTION_KEY', `${keyOf(1)},${keyOf(2)}`, [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]],
    ['ALLOW_PRIVATE_TARGETS', 'true', true],
    ['LOG_LEVEL', 'silent', 'silent'],
  ])('%s=%s is taken', (name, text, value) => {
    expect(read({ [name]: text })).toMatchObject({ [name]: value });
  });

  test('an empty value is an absent one, and foreign names are nobody’s business', () => {
    expect(read({ PORT: '', DATABASE_URL: '', TERM: 'xterm' })).toEqual(read({}));
  });

  test.each([
    ['PORT', 'http'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '80.5'],
    ['DATABASE_URL', 'mysql://localhost/postrider'],
    ['DATABASE_URL', 'localhost:5432'],
    ['REDIS_URL', 'http://localhost:6379'],
    ['REDIS_URL', 'redis'],
    ['ROLES', 'api,queue'],
    ['ROLES', ','],
    ['OPERATOR_KEY', 'operator-key-of-23-sign'],
    ['OPERATOR_KEY', 'x'.repeat(24)],
    ['OPERATOR_KEY', 'abcabcabcabcabcabcabcabcab'],
    ['OPERATOR_KEY', 'changeme-0f3a9c71e5d2b846'],
    ['OPERATOR_KEY', 'secret-password-admin-123456'],
    ['METRICS_TOKEN', 'short'],
    ['TRUST_PROXY', 'proxy.internal'],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['TRUST_PROXY', '10.0.0.1,'],
    ['TRUST_PROXY', '0.0.0.0/0'],
    ['TRUST_PROXY', 'true'],
    ['ENCRYPTION_KEY', 'not base64'],
    ['ENCRYPTION_KEY', Buffer.alloc(31).toString('base64')],
    ['ALLOW_PRIVATE_TARGETS', 'yes'],
    ['ALLOW_PRIVATE_TARGETS', 'TRUE'],
    ['LOG_LEVEL', 'verbose'],
  ])('%s=%s is refused, by name', (name, text) => {
    const faults = faultsOf({
      ...(name === 'DATABASE_URL' && { ENCRYPTION_KEY: keyOf(1) }),
      [name]: text,
    });
    expect(faults).not.toEqual([]);
    for (const fault of faults) expect(fault).toMatch(new RegExp(`^${name}(\\.\\d+)?: .`));
  });

  test('a database of one’s own needs a key of one’s own', () => {
    const given = { DATABASE_URL: 'postgres://user:secret@localhost/postrider' };
    expect(faultsOf(given)).toEqual([expect.stringMatching(/^ENCRYPTION_KEY: .*openssl rand/)]);
    expect(faultsOf({ ...given, ENCRYPTION_KEY: keyOf(1) })).toEqual([]);
  });

  test('old months of the audit log need a place to go to', () => {
    expect(faultsOf({ AUDIT_RETENTION_MONTHS: '13' })).toEqual([
      expect.stringMatching(/^AUDIT_ARCHIVE_DIR: Needed with AUDIT_RETENTION_MONTHS/),
    ]);
    expect(faultsOf({ AUDIT_RETENTION_MONTHS: '13', AUDIT_ARCHIVE_DIR: '/srv/audit' })).toEqual([]);
    expect(faultsOf({ AUDIT_RETENTION_MONTHS: 'x' })).toHaveLength(1);
  });

  test('no fault shows a secret', () => {
    const secret = 'hunter2-hunter2';
    const faults = faultsOf({
      DATABASE_URL: `mysql://user:${secret}@localhost/postrider`,
      REDIS_URL: `http://:${secret}@localhost`,
      OPERATOR_KEY: secret,
      METRICS_TOKEN: secret,
      ENCRYPTION_KEY: secret,
    });
    expect(faults).toHaveLength(5);
    expect(faults.join('\n')).not.toContain(secret);
  });
});

test('whatever is wrong is told at once, and nothing has begun', async () => {
  const folder = await temporaryFolder();
  const dataDir = join(folder.path, 'data');
  try {
    const exit = await runGateway({
      dataDir: folder.path,
      env: {
        DATA_DIR: dataDir,
        PORT: 'http',
        REDIS_URL: 'localhost:6379',
        ROLES: 'api,cook',
        LOG_LEVEL: 'loud',
        ALLOW_PRIVATE_TARGETS: 'perhaps',
      },
    });
    expect(exit).toMatchObject({ code: 1, stdout: '' });
    const [title, ...faults] = exit.stderr.trim().split('\n');
    expect(title).toBe('Postrider cannot start with these settings:');
    expect(faults.map((fault) => /^ {2}- ([A-Z_]+)/.exec(fault)?.[1])).toEqual([
      'PORT',
      'REDIS_URL',
      'ROLES',
      'ALLOW_PRIVATE_TARGETS',
      'LOG_LEVEL',
    ]);
    expect(existsSync(dataDir)).toBe(false);
  } finally {
    await folder.remove();
  }
});

function keyOf(byte: number): string {
  return Buffer.alloc(32, byte).toString('base64');
}
