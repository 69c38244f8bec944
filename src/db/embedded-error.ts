/**
 * Why the embedded PostgreSQL cannot run. The message is one sentence with the cause and what to
 * do about it, fit to be printed alone.
 */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The errno name (`EACCES`) or SQLSTATE of whatever was thrown, if it has one. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/**
 * The line of a PostgreSQL log, or of a program's stderr, that says what went wrong: the first
 * grave one, since those after it are consequences (`No space left` comes before a PANIC).
 */
export function tellingLine(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const grave = lines.find((line) => /\b(FATAL|PANIC|ERROR):|\berror:/.test(line));
  const line = grave ?? lines.at(-1) ?? 'no output';
  // Without the `2026-01-01 00:00:00.000 UTC [123] ` in front.
  return line
    .replace(/^\d{4}-\d\d-\d\d \S+ \S+ \[\d+\] /, '')
    .replace(/\s+/g, ' ')
    .trim();
}
