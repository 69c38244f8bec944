import { z } from 'zod';
import { parseProxies } from './engine/http/addresses.ts';
import { parseDeniedTargets, parseTargetList } from './engine/http/target-list.ts';
import { weaknessOfBytes, weaknessOfText } from './platform/secrets/key-strength.ts';
import { parseEncryptionKeys } from './platform/secrets/secret-box.ts';

const port = z
  .string()
  .regex(/^\d{1,5}$/, 'Expected a port number')
  .transform(Number)
  .pipe(z.number().max(65_535));

const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

const roles = z
  .string()
  .transform((text): unknown => text.split(',').map((role) => role.trim()))
  .pipe(z.array(z.enum(['api', 'worker'])).min(1));

const urlOf = (...protocols: string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    error: `Expected a URL that begins with ${protocols.map((each) => `${each}//`).join(' or ')}`,
  });

/** @param read throws an Error that says what is wrong */
function readBy<T>(read: (text: string) => T) {
  return z.string().transform((text, context) => {
    try {
      return read(text);
    } catch (error) {
      const message = error instanceof Error ? error.message : 'wrong';
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    }
  });
}

/** Every setting of the gateway. Names and defaults are what `.env.example` documents. */
export const environment = z
  .object({
    PORT: port.default(3000),
    HOST: z.string().min(1).default('127.0.0.1'),
    DATABASE_URL: urlOf('postgres:', 'postgresql:').optional(),
    REDIS_URL: urlOf('redis:', 'rediss:').optional(),
    DATA_DIR: z.string().min(1).default('./.data'),
    ROLES: roles.default(['api', 'worker']),
    OPERATOR_KEY: z.string().min(24, 'Expected 24 characters or more').max(256).optional(),
    TRUST_PROXY: readBy(parseProxies).optional(),
    METRICS_PORT: port.optional(),
    METRICS_TOKEN: z.string().min(16, 'Expected 16 characters or more').optional(),
    /** One entry is enough; a second one only opens what was sealed with it. */
    ENCRYPTION_KEY: readBy(parseEncryptionKeys).optional(),
    ALLOW_PRIVATE_TARGETS: flag.default(false),
    PRODUCER_TARGETS: readBy(parseTargetList).optional(),
    MERCHANT_TARGETS: readBy(parseTargetList).optional(),
    DENIED_TARGETS: readBy(parseDeniedTargets).optional(),
    OUTBOUND_PROXY: urlOf('http:', 'https:')
      .transform((url) => new URL(url))
      .optional(),
    READ_TIMEOUT_SECONDS: z.coerce.number().int().min(1).max(600).default(5),
    RETENTION_DAYS: z.coerce.number().int().min(0).max(36_500).default(90),
    AUDIT_RETENTION_MONTHS: z.coerce.number().int().min(0).max(1200).default(0),
    AUDIT_ARCHIVE_DIR: z.string().min(1).optional(),
    /** Of keys that are made without an end of their own; unset: they have none. */
    KEY_DEFAULT_DAYS: z.coerce.number().int().min(1).max(3650).optional(),
    LOG_LEVEL: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info'),
  })
  .check((context) => {
    const { DATABASE_URL, ENCRYPTION_KEY, HOST, OPERATOR_KEY } = context.value;
    const { AUDIT_RETENTION_MONTHS, AUDIT_ARCHIVE_DIR } = context.value;
    if (AUDIT_RETENTION_MONTHS > 0 && AUDIT_ARCHIVE_DIR === undefined) {
      context.issues.push({
        code: 'custom',
        input: context.value,
        path: ['AUDIT_ARCHIVE_DIR'],
        message: 'Needed with AUDIT_RETENTION_MONTHS: the folder where old months are exported to',
      });
    }
    const weakness = OPERATOR_KEY === undefined ? null : weaknessOfText(OPERATOR_KEY);
    if (weakness !== null) {
      context.issues.push({
        code: 'custom',
        input: context.value,
        path: ['OPERATOR_KEY'],
        message: `Too easy to guess, as ${weakness}: take a random one, e.g. from \`openssl rand -hex 24\``,
      });
    }
    const weak = isLoopback(HOST) ? null : weakEncryptionKey(ENCRYPTION_KEY);
    if (weak !== null) {
      context.issues.push({
        code: 'custom',
        input: context.value,
        path: ['ENCRYPTION_KEY'],
        message: `${weak}: take 32 random bytes in base64, e.g. from \`openssl rand -base64 32\``,
      });
    }
    if (DATABASE_URL !== undefined && ENCRYPTION_KEY === undefined) {
      context.issues.push({
        code: 'custom',
        input: context.value,
        path: ['ENCRYPTION_KEY'],
        message:
          'Needed with DATABASE_URL: 32 bytes in base64, e.g. from `openssl rand -base64 32`',
      });
    }
  });

export type Config = z.output<typeof environment>;

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/**
 * Only the key that seals matters: the others are kept to open what they have sealed. Listening on
 * loopback, a fixed key is a test's, and a warning is enough.
 *
 * @returns what is wrong with it, never what it is; null: nothing
 */
export function weakEncryptionKey(keys: readonly Buffer[] | undefined): string | null {
  const [key] = keys ?? [];
  const weakness = key === undefined ? null : weaknessOfBytes(key);
  return weakness === null ? null : `The first key is too easy to guess, as ${weakness}`;
}

/** Reads the settings; all that is wrong is told at once. An empty value counts as absent. */
export function readConfig(
  env: Record<string, string | undefined>,
): { config: Config } | { faults: string[] } {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(given);
  if (parsed.success) return { config: parsed.data };
  return {
    faults: parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
  };
}
