import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { newSecret, signatureHeaders, spellSecret } from '../../../src/engine/http/sign.ts';

describe('signatures', () => {
  it('are those of the public test vector', () => {
    const headers = signatureHeaders({
      webhookId: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestampSeconds: 1614265330,
      body: '{"test": 2432232314}',
      secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    });
    expect(headers).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('hold before the public package, whatever the body, as text and as bytes', () => {
    fc.assert(
      fc.property(fc.json(), fc.boolean(), (body, asBytes) => {
        const secret = newSecret();
        const headers = sign(asBytes ? Buffer.from(body) : body, [secret]);
        expect(new Webhook(secret).verify(body, { ...headers })).toEqual(JSON.parse(body));
      }),
    );
  });

  it('are one a secret, so that each of two secrets verifies during a rotation', () => {
    const [current, previous, stranger] = [newSecret(), newSecret(), newSecret()];
    const headers = sign('{"a":"支付"}', [current, previous]);
    expect(headers['webhook-signature'].split(' ')).toHaveLength(2);
    for (const secret of [current, previous]) {
      expect(new Webhook(secret).verify('{"a":"支付"}', { ...headers })).toEqual({ a: '支付' });
    }
    expect(() => new Webhook(stranger).verify('{"a":"支付"}', { ...headers })).toThrow();
  });

  it('are never left out, and a bad secret does not show up in the error', () => {
    expect(() => sign('{}', [])).toThrow('unsigned');
    expect(() => sign('{}', ['whsec_topsecret'])).toThrow(/^This is not a signing secret\.$/);
  });

  function sign(body: string | Buffer, secrets: string[]) {
    const timestampSeconds = Math.floor(Date.now() / 1000);
    return signatureHeaders({ webhookId: 'ntf_1', timestampSeconds, body, secrets });
  }
});

describe('secrets', () => {
  it('are new every time, of 32 bytes', () => {
    const secrets = Array.from({ length: 100 }, newSecret);
    expect(new Set(secrets).size).toBe(100);
    for (const secret of secrets) {
      expect(spellSecret(secret)).toBe(secret);
      expect(Buffer.from(secret.slice('whsec_'.length), 'base64')).toHaveLength(32);
    }
  });

  it('have 24 to 64 bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const fits = bytes.length >= 24 && bytes.length <= 64;
        const secret = `whsec_${Buffer.from(bytes).toString('base64')}`;
        expect(spellSecret(secret)).toBe(fits ? secret : null);
      }),
    );
  });

  it.each([
    ['no prefix', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    ['another prefix', 'whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    ['bits that no byte has', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAB=='],
    ['a space', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZI o2LaLaSw'],
    ['a line break at the end', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n'],
    ['nothing', ''],
  ])('are nothing else: %s is refused', (_what, text) => {
    expect(spellSecret(text)).toBeNull();
  });

  it('are kept in one spelling, whichever of base64 they come in', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 24, maxLength: 64 }), (bytes) => {
        const padded = Buffer.from(bytes).toString('base64');
        const url = Buffer.from(bytes).toString('base64url');
        for (const text of [padded, padded.replace(/=+$/, ''), url]) {
          expect(spellSecret(`whsec_${text}`)).toBe(`whsec_${padded}`);
        }
      }),
    );
  });
});
