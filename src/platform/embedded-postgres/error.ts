/**
 * Why the embedded PostgreSQL cannot run. The message is one sentence with the cause and what to
 * do about it, fit to be printed alone.
 */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
  /** Only PostgreSQL's own words, without what to do about it; empty where it had none. */
  readonly reason: string;

  constructor(message: string, options: { cause?: unknown; reason?: string } = {}) {
    super(message, { cause: options.cause });
    this.reason = options.reason ?? '';
  }
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
  const grave = lines.find((line) => GRAVE.test(line) && !TOLD.test(line));
  return withoutPrefix(grave ?? lines.at(-1) ?? 'no output');
}

/**
 * The line of a log that says why a server ended which had been running: the last grave one that
 * is recent. The errors of statements, and what clients were told meanwhile, explain nothing.
 *
 * @param nowMs by the clock that the log's stamps come from; stamps must be in UTC
 * @returns undefined when there is none, as after a kill -9
 */
export function tellingEnd(output: string, nowMs = Date.now()): string | undefined {
  const line = output.split('\n').findLast((each) => GRAVE_END.test(each) && !TOLD.test(each));
  const stamp = STAMP.exec(line ?? '')?.[1];
  if (line === undefined || stamp === undefined) return undefined;
  return nowMs - Date.parse(`${stamp.replace(' ', 'T')}Z`) < RECENT_MS
    ? withoutPrefix(line)
    : undefined;
}

const RECENT_MS = 60_000;
const GRAVE = /\b(FATAL|PANIC|ERROR):|\berror:/;
const GRAVE_END = /\b(FATAL|PANIC):/;
/** What clients were told, who come and go while a server starts or ends. */
const TOLD =
  /terminating connection|database system is (starting up|shutting down|not yet accepting|in recovery)|(database|role) "[^"]*" does not exist|authentication failed|too many clients/;
const STAMP = /^(\d{4}-\d\d-\d\d [\d:.]+) \S+ \[\d+\] /;

/** Without the `2026-01-01 00:00:00.000 UTC [123] ` in front. */
function withoutPrefix(line: string): string {
  return line.replace(STAMP, '').replace(/\s+/g, ' ').trim();
}
