import { open, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * A secret that is made once and read again ever after; only its owner may read the file. An empty one is none: it is what a crash
 * of the machine could leave of a file that was never written out.
 *
 * @throws Error with one sentence of cause and remedy
 */
export async function readOrMake(
  file: string,
  make: () => string,
): Promise<{ text: string; isNew: boolean }> {
  const found = await readSecret(file);
  if (found !== '') return { text: found, isNew: false };
  const text = make();
  await writeSecret(file, text);
  return { text, isNew: true };
}

/**
 * Whole or not at all, and out of the reach of a power cut: what is sealed with a key is in the
 * database for good, and of no use without it.
 *
 * @throws Error with one sentence of cause and remedy
 */
export async function writeSecret(file: string, text: string): Promise<void> {
  try {
    await writeFile(`${file}.new`, `${text}\n`, { mode: 0o600, flush: true });
    await rename(`${file}.new`, file);
    const folder = await open(dirname(file));
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    const { message } = error as Error;
    throw new Error(
      `The key file ${file} cannot be written (${message}): see that its disk has room, and that ` +
        'this user may write there.',
      { cause: error },
    );
  }
}

/**
 * @returns '' when there is no such file
 * @throws Error with one sentence of cause and remedy
 */
export async function readSecret(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return '';
    throw new Error(
      `The key file ${file} cannot be read (${message}): start as the user it belongs to, or mend ` +
        'its permissions.',
      { cause: error },
    );
  }
}
