import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { newOperatorKey } from '../features/accounts/keys/key-format.ts';
import { isMigrated } from '../platform/db/migrate.ts';
import { plainServer } from '../platform/db/server.ts';
import { messageOf } from '../platform/embedded-postgres/error.ts';
import { startEmbeddedPostgres } from '../platform/embedded-postgres/start.ts';
import { readOrMake, readSecret, writeSecret } from '../platform/secrets/kept-secret.ts';
import { parseEncryptionKeys } from '../platform/secrets/secret-box.ts';
import type { Foundation } from './start.ts';

export interface Bootstrapped extends Foundation {
  /** Made just now: to be shown once more than in the file. */
  newOperatorKey: string | null;
  operatorKeyFile: string | null;
  stop(): Promise<void>;
}

const KEY_BYTES = 32;

/**
 * What the gateway stands on: the given database, or an embedded one whose keys are made at its
 * first start and kept beside it.
 *
 * @param tell gets what an operator may wonder about, and what an operator has to know
 */
export async function bootstrap(
  config: Config,
  tell: { info(line: string): void; warn(line: string): void },
): Promise<Bootstrapped> {
  if (config.DATABASE_URL !== undefined) {
    return {
      databaseUrl: config.DATABASE_URL,
      encryptionKeys: config.ENCRYPTION_KEY ?? [],
      operatorKey: config.OPERATOR_KEY ?? null,
      newOperatorKey: null,
      operatorKeyFile: null,
      stop: async () => {},
    };
  }
  const embedded = await startEmbeddedPostgres(config.DATA_DIR, {
    log: (line) => tell.info(line),
    warn: (line) => tell.warn(line),
  });
  try {
    const keys = await readKeys(config, embedded.url);
    const laid = { ...keys, databaseUrl: embedded.url, stop: embedded.stop };
    return keys.operatorKeyFile === null ? laid : renewable(laid, keys.operatorKeyFile);
  } catch (error) {
    await embedded.stop();
    throw error;
  }
}

async function readKeys(config: Config, databaseUrl: string) {
  const encryptionKeys = config.ENCRYPTION_KEY ?? (await keptEncryptionKeys(config, databaseUrl));
  const operatorKeyFile = join(config.DATA_DIR, 'operator-key');
  const operator =
    config.OPERATOR_KEY === undefined ? await readOrMake(operatorKeyFile, newOperatorKey) : null;
  return {
    encryptionKeys,
    operatorKey: config.OPERATOR_KEY ?? operator?.text ?? null,
    newOperatorKey: operator?.isNew ? operator.text : null,
    operatorKeyFile: operator === null ? null : operatorKeyFile,
  };
}

/** Made before the first migration: a database that has been in use without its key has lost it. */
async function keptEncryptionKeys({ DATA_DIR }: Config, databaseUrl: string): Promise<Buffer[]> {
  const file = join(DATA_DIR, 'encryption-key');
  if ((await readSecret(file)) === '' && (await isMigrated(plainServer(databaseUrl)))) {
    throw new Error(
      `The key file ${file} is missing or empty, and the database may hold secrets that only this ` +
        'key opens: restore the file from a backup, or, if the key is lost, set ENCRYPTION_KEY to a ' +
        'new one and give every endpoint a new secret.',
    );
  }
  const { text } = await readOrMake(file, () => randomBytes(KEY_BYTES).toString('base64'));
  try {
    return parseEncryptionKeys(text);
  } catch (error) {
    throw new Error(
      `The key file ${file} is damaged (${messageOf(error)}): restore it from a backup.`,
      { cause: error },
    );
  }
}

/** With a key of our own making, a revoked one locks nobody out: the next start makes and shows another. */
function renewable(laid: Bootstrapped, file: string): Bootstrapped {
  laid.renewOperatorKey = async () => {
    const text = newOperatorKey();
    await writeSecret(file, text);
    laid.operatorKey = text;
    laid.newOperatorKey = text;
    return text;
  };
  return laid;
}
