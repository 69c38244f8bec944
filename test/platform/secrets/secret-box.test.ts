import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSecretBox, parseEncryptionKeys } from '../../../src/platform/secrets/secret-box.ts';

const [first, second] = [randomBytes(32), randomBytes(32)];

describe('a sealed secret', () => {
  const box = createSecretBox([first]);

  test('opens again, whatever it says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (plain, context) => {
        const text = Buffer.from(plain).toString();
        expect(box.open(box.seal(text, context), context)).toBe(text);
      }),
    );
  });

  test('names its version and key, shows nothing, and is never the same twice', () => {
    const sealed = box.seal('whsec_canary', 'endpoint:ep_1:secret');
    expect(sealed).toMatch(/^v1\.[0-9a-f]{8}\.[\w-]{16}\.[\w-]{22}\.[\w-]+$/);
    expect(sealed).not.toContain('canary');
    expect(box.seal('whsec_canary', 'endpoint:ep_1:secret')).not.toBe(sealed);
  });

  test('stays shut in another row', () => {
    const sealed = box.seal('whsec_canary', 'endpoint:ep_1:secret');
    expect(() => box.open(sealed, 'endpoint:ep_2:secret')).toThrow();
  });

  test('stays shut when any character of it was changed', () => {
    const sealed = box.seal('whsec_canary', 'here');
    const flip = (at: number) => (sealed[at] === 'A' ? 'B' : 'A');
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = sealed.slice(0, at) + flip(at) + sealed.slice(at + 1);
      // The last character of a part may carry unused bits; then the same bytes are meant.
      const sameBytes = sealed
        .split('.')
        .every((part, index) =>
          Buffer.from(part, 'base64url').equals(
            Buffer.from(changed.split('.')[index] ?? '', 'base64url'),
          ),
        );
      if (changed.split('.')[1] === sealed.split('.')[1] && sameBytes) continue;
      expect(() => box.open(changed, 'here'), `position ${at}`).toThrow();
    }
    for (const text of ['', 'v1', 'v1.a.b.c', `${sealed}.x`, sealed.slice(0, -8), 'whsec_plain']) {
      expect(() => box.open(text, 'here')).toThrow();
    }
  });

  test('a short authentication tag is refused', () => {
    const parts = box.seal('whsec_canary', 'here').split('.');
    parts[3] = Buffer.from(parts[3] ?? '', 'base64url')
      .subarray(0, 4)
      .toString('base64url');
    expect(() => box.open(parts.join('.'), 'here')).toThrow();
  });
});

describe('changing the key', () => {
  test('a second key opens what the first sealed; new seals use the one in front', () => {
    const old = createSecretBox([first]).seal('whsec_canary', 'here');
    const both = createSecretBox([second, first]);
    expect(both.open(old, 'here')).toBe('whsec_canary');
    expect(both.needsReseal(old)).toBe(true);
    const fresh = both.seal('whsec_canary', 'here');
    expect(both.needsReseal(fresh)).toBe(false);
    expect(createSecretBox([second]).open(fresh, 'here')).toBe('whsec_canary');
  });

  test('without the old key the error names its id and no secret', () => {
    const old = createSecretBox([first]).seal('whsec_canary', 'here');
    const open = () => createSecretBox([second]).open(old, 'here');
    expect(open).toThrow(/key that is not configured \(id [0-9a-f]{8}\)/);
  });
});

describe('ENCRYPTION_KEY', () => {
  const key = first.toString('base64');

  test('holds one key, or several with commas', () => {
    expect(parseEncryptionKeys(key)).toEqual([first]);
    expect(parseEncryptionKeys(` ${second.toString('base64')} , ${key} `)).toEqual([second, first]);
    expect(parseEncryptionKeys(key.replace(/=+$/, ''))).toEqual([first]);
  });

  test.each([
    ['nothing', ''],
    ['a missing key', `${key},`],
    ['too few bytes', randomBytes(31).toString('base64')],
    ['too many bytes', randomBytes(33).toString('base64')],
    ['hex', first.toString('hex')],
    ['what is not base64', `${'!'.repeat(4)}${key}`],
    ['too many keys', Array(11).fill(key).join(',')],
  ])('refuses %s and does not repeat it', (_name, text) => {
    expect(() => parseEncryptionKeys(text)).toThrow();
    try {
      parseEncryptionKeys(text);
    } catch (error) {
      expect(String(error)).not.toContain(key);
    }
  });

  test('a box needs keys of the right size', () => {
    expect(() => createSecretBox([])).toThrow();
    expect(() => createSecretBox([randomBytes(16)])).toThrow();
  });
});
