import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { banner } from '../../../src/app/banner.ts';
import { readConfig } from '../../../src/config.ts';
import { newOperatorKey } from '../../../src/features/accounts/keys/key-format.ts';
import { weaknessOfBytes, weaknessOfText } from '../../../src/platform/secrets/key-strength.ts';

const inBase64 = (bytes: Buffer) => bytes.toString('base64');
const FIXED = Buffer.alloc(32, 7);

describe('an operator key that a person has chosen', () => {
  test.each([
    'changeme-changeme-changeme',
    'CHANGE_ME_BEFORE_YOU_START',
    'f3a9-change-this-0f3a9c71e5d2b846',
    'your-operator-key-goes-here',
    'please-replace-me-with-a-key',
    'aaaaaaaaaaaaaaaaaaaaaaaa',
    'abababababababababababababab',
    '123451234512345123451234512345',
    'operatoroperatoroperator',
    'password-password-password-1',
    'admin:admin:secret:qwerty:123456',
    'supersecretpassword123456789',
  ])('%s is weak', (key) => {
    expect(weaknessOfText(key)).not.toBeNull();
    expect(readConfig({ OPERATOR_KEY: key })).toEqual({
      faults: [expect.stringMatching(/^OPERATOR_KEY: Too easy to guess, as .*openssl rand/)],
    });
  });

  test.each([
    'operator-key-of-the-test-suite',
    'test-operator-key-0123456789abcdef',
    '0123456789abcdef0123456789abcdef',
    'the quick brown fox jumps over it',
    'my-long-password-of-the-checks-77',
    randomBytes(24).toString('hex'),
    randomBytes(24).toString('base64'),
    newOperatorKey(),
  ])('%s is taken', (key) => {
    expect(weaknessOfText(key)).toBeNull();
    expect(readConfig({ OPERATOR_KEY: key })).toMatchObject({ config: { OPERATOR_KEY: key } });
  });

  test('the sentence does not show it', () => {
    const { faults } = readConfig({ OPERATOR_KEY: 'changeme-0f3a9c71e5d2b846' }) as {
      faults: string[];
    };
    expect(faults.join()).not.toContain('0f3a9c71');
  });
});

describe('an encryption key', () => {
  test.each([
    ['one byte repeated', FIXED],
    ['bytes that count up', Buffer.from(Array.from({ length: 32 }, (_, at) => at))],
    ['bytes that count down', Buffer.from(Array.from({ length: 32 }, (_, at) => 200 - at))],
    ['text', Buffer.from('the-encryption-key-of-our-house!')],
  ])('of %s is refused where others can reach the gateway, and warned of on loopback', (_, key) => {
    expect(weaknessOfBytes(key)).not.toBeNull();
    const ENCRYPTION_KEY = inBase64(key);
    expect(readConfig({ ENCRYPTION_KEY, HOST: '0.0.0.0' })).toEqual({
      faults: [expect.stringMatching(/^ENCRYPTION_KEY: The first key is too easy to guess/)],
    });
    expect(bannerOf({ ENCRYPTION_KEY })).toContain('!! ENCRYPTION_KEY: The first key');
  });

  test('that is random is taken, and one that only opens may be any', () => {
    for (let n = 0; n < 100; n += 1) expect(weaknessOfBytes(randomBytes(32))).toBeNull();
    const ENCRYPTION_KEY = `${inBase64(randomBytes(32))},${inBase64(FIXED)}`;
    expect(readConfig({ ENCRYPTION_KEY, HOST: '0.0.0.0' })).toHaveProperty('config');
    expect(bannerOf({ ENCRYPTION_KEY })).not.toContain('!!');
  });
});

test('a terminal alone shows the key that was made; elsewhere its file is named', () => {
  const shown = bannerOf({}, { newOperatorKey: 'pr_operator_made', isTerminal: true });
  expect(shown).toContain('Operator   pr_operator_made');
  expect(shown).toContain('Bearer pr_operator_made');
  const kept = bannerOf({}, { newOperatorKey: 'pr_operator_made', isTerminal: false });
  expect(kept).not.toContain('pr_operator_made');
  expect(kept).toMatch(/^ {2}Operator {3}the key in \.data\/operator-key$/m);
  expect(kept).toContain('Bearer $(cat .data/operator-key)');
});

function bannerOf(
  env: Record<string, string>,
  { newOperatorKey = null as string | null, isTerminal = false } = {},
): string {
  const read = readConfig(env);
  if ('faults' in read) throw new Error(read.faults.join('\n'));
  const foundation = {
    databaseUrl: 'postgres://localhost/none',
    encryptionKeys: [],
    operatorKey: newOperatorKey,
    newOperatorKey,
    operatorKeyFile: '.data/operator-key',
    stop: async () => {},
  };
  return banner(read.config, foundation, 'http://127.0.0.1:3000', 1000, isTerminal);
}
