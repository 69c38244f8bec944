import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const VERSION = 'v1';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const MAX_KEYS = 10;

/** Encrypts what must be readable again: the secrets that sign. */
export interface SecretBox {
  /**
   * @param context where the secret lives, e.g. `endpoint:ep_…:secret`: the same text is needed to
   *   open it, so a ciphertext that was moved to another row stays shut
   * @returns `v1.<keyId>.<iv>.<tag>.<cipher>`
   */
  seal(plain: string, context: string): string;
  /** @throws Error when the key is not among ours, the context is another one, or a bit was changed */
  open(sealed: string, context: string): string;
  /** It was sealed with a key that is only kept for opening. */
  needsReseal(sealed: string): boolean;
  /** How everything begins that needs no resealing. */
  readonly sealedPrefix: string;
}

/**
 * AES-256-GCM. The key's id stands in the ciphertext, so keys are changed without a pause: put the
 * new one first, restart, let everything be resealed, drop the old one.
 *
 * @param keys 32 bytes each; the first one seals, all of them open
 */
export function createSecretBox(keys: readonly Buffer[]): SecretBox {
  const sealingKey = keys[0];
  if (sealingKey === undefined || keys.some((key) => key.length !== KEY_BYTES)) {
    throw new Error(`Encryption needs at least one key, and each must have ${KEY_BYTES} bytes.`);
  }
  const keysById = new Map(keys.map((key) => [keyId(key), key]));
  const sealedPrefix = `${VERSION}.${keyId(sealingKey)}.`;

  return {
    sealedPrefix,
    seal(plain, context) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(ALGORITHM, sealingKey, iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(context));
      const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      const parts = [iv, cipher.getAuthTag(), sealed].map((part) => part.toString('base64url'));
      return sealedPrefix + parts.join('.');
    },
    open(sealed, context) {
      const [version, id = '', iv = '', tag = '', text = '', ...rest] = sealed.split('.');
      if (version !== VERSION || rest.length > 0) throw new Error('This is not a sealed secret.');
      const key = keysById.get(id);
      if (key === undefined) {
        throw new Error(`This secret was sealed with a key that is not configured (id ${id}).`);
      }
      const decipher = createDecipheriv(ALGORITHM, key, Buffer.from(iv, 'base64url'), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(Buffer.from(tag, 'base64url'));
      const opened = [decipher.update(Buffer.from(text, 'base64url')), decipher.final()];
      return Buffer.concat(opened).toString('utf8');
    },
    needsReseal: (sealed) => !sealed.startsWith(sealedPrefix),
  };
}

/**
 * Reads `ENCRYPTION_KEY`: one key, or several with commas between them, each 32 bytes in base64.
 *
 * @throws Error that says which one is wrong, never what it is
 */
export function parseEncryptionKeys(text: string): Buffer[] {
  const texts = text.split(',').map((part) => part.trim());
  if (texts.length > MAX_KEYS) throw new Error(`At most ${MAX_KEYS} encryption keys, please.`);
  return texts.map((part, index) => {
    const key = Buffer.from(part, 'base64');
    // Node's decoder skips what is not base64; only a text that it writes back is taken.
    const isBase64 = key.toString('base64').replace(/=+$/, '') === part.replace(/=+$/, '');
    if (!isBase64 || key.length !== KEY_BYTES) {
      throw new Error(`Encryption key ${index + 1} must be ${KEY_BYTES} bytes in base64.`);
    }
    return key;
  });
}

function keyId(key: Buffer): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 8);
}
