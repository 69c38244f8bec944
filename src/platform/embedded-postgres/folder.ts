import { accessSync, constants, mkdirSync } from 'node:fs';
import { codeOf, EmbeddedPostgresError, messageOf } from './error.ts';

/**
 * Makes the data folder when need be.
 * @throws EmbeddedPostgresError when it cannot be used
 */
export function ensureFolder(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true });
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const isFile = ['EEXIST', 'ENOTDIR'].includes(codeOf(error) ?? '');
    const cause = isFile ? 'a file is in its place' : messageOf(error);
    throw new EmbeddedPostgresError(
      `The data folder ${dataDir} cannot be used (${cause}): set DATA_DIR to a folder that this ` +
        'user may write, or mend its permissions.',
      { cause: error },
    );
  }
}
