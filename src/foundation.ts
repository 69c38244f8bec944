import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from './config.ts';
import { startEmbeddedPostgres } from './db/embedded.ts';
import type { Foundation } from './gateway.ts';
import { newOperatorKey } from './merchant/key-text.ts';
import { parseEncryptionKeys } from './secrets.ts';

export interface LaidFoundation extends Foundation {
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
export async function layFoundation(
  config: Config,
  tell: { info(line: string): void; warn(line: string): void },
): Promise<LaidFoundation> {
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
    const keys = await readKeys(config);
    const laid = { ...keys, databaseUrl: embedded.url, stop: embedded.stop };
    return keys.operatorKeyFile === null ? laid : renewable(laid, keys.operatorKeyFile);
  } catch (error) {
    await embedded.stop();
    throw error;
  }
}

async function readKeys(config: Config) {
  const encryption = await kept(config.DATA_DIR, 'encryption-key', () =>
    randomBytes(KEY_BYTES).toString('base64'),
  );
  const operator =
    config.OPERATOR_KEY === undefined
      ? await kept(config.DATA_DIR, 'operator-key', newOperatorKey)
      : null;
  return {
    encryptionKeys: config.ENCRYPTION_KEY ?? parseEncryptionKeys(encryption.text),
    operatorKey: config.OPERATOR_KEY ?? operator?.text ?? null,
    newOperatorKey: operator?.isNew ? operator.text : null,
    operatorKeyFile: operator === null ? null : join(config.DATA_DIR, 'operator-key'),
  };
}

/** With a key of our own making, a revoked one locks nobody out: the next start makes and shows another. */
function renewable(laid: LaidFoundation, file: string): LaidFoundation {
  laid.renewOperatorKey = async () => {
    const text = newOperatorKey();
    // Whole or not at all.
    await writeFile(`${file}.new`, `${text}\n`, { mode: 0o600 });
    await rename(`${file}.new`, file);
    laid.operatorKey = text;
    laid.newOperatorKey = text;
    return text;
  };
  return laid;
}

/** A secret that is made once and read again ever after; only its owner may read the file. */
async function kept(folder: string, name: string, make: () => string) {
  const file = join(folder, name);
  try {
    return { text: (await readFile(file, 'utf8')).trim(), isNew: false };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const text = make();
  await mkdir(folder, { recursive: true });
  await writeFile(file, `${text}\n`, { mode: 0o600, flag: 'wx' });
  return { text, isNew: true };
}
