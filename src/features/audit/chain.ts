import { createHash } from 'node:crypto';

/** What stands before the first entry. */
export const FIRST_HASH = '0'.repeat(64);

/** The hash of an entry's line, tied to that of the entry before it; 64 hexadecimal digits. */
export function chained(previousHash: string, line: string): string {
  return createHash('sha256').update(`${previousHash}\n${line}`).digest('hex');
}
