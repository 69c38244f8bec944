import { codeOf, EmbeddedPostgresError, messageOf } from '../embedded-postgres/error.ts';

/**
 * Why a backup or a restore cannot be made. The message is one sentence with the cause and what to
 * do about it, fit to be printed alone.
 */
export class BackupError extends Error {
  override readonly name = 'BackupError';
}

/** What the system said, as a sentence. What is one already, or a cancellation, stays as it is. */
export function explained(error: unknown, work: 'backup' | 'restore', folder: string): unknown {
  const isSentence = error instanceof BackupError || error instanceof EmbeddedPostgresError;
  if (isSentence || (error instanceof Error && error.name === 'AbortError')) return error;
  return new BackupError(
    `The ${work} to ${folder} was not made (${messageOf(error)}): ${remedyFor(error)}.`,
    { cause: error },
  );
}

function remedyFor(error: unknown): string {
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'make room on its disk, or name a folder on another one';
    case 'EACCES':
    case 'EPERM':
      return 'run this as the user whom the gateway runs as, or as root, and see that it may write there';
    case 'EROFS':
      return 'that disk can only be read: name a folder on another one';
    default:
      return 'try again, and look for errors of the disk if it happens twice';
  }
}
