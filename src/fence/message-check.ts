import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FenceSql } from './fence.ts';
import { type LocalOutcome, settleOutcome } from './message.ts';
import { rawBody } from './middleware.ts';
import { isGenuine } from './verify.ts';

/** The producer's database. */
export interface LocalDatabase<Tx> {
  /** Runs work in one transaction, commits it, and rolls it back when the work throws. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** `pgFence` or `prismaFence`. */
  sql(tx: Tx): FenceSql;
}

/** `working`: the local transaction is still open. */
export type CheckAnswer = LocalOutcome | 'working';

/** Less than the three seconds that the gateway waits. */
const WAIT_MS = 2_000;
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * What a check-back has to be answered: how the local transaction ended, for good. Where there is none,
 * one that comes later fails with `MessageRolledBack`.
 *
 * @param waitMs how long an open transaction is waited for
 */
export async function answerCheck<Tx>(
  database: LocalDatabase<Tx>,
  messageId: string,
  waitMs = WAIT_MS,
): Promise<CheckAnswer> {
  try {
    return await database.transaction((tx) => settleOutcome(database.sql(tx), messageId, waitMs));
  } catch (error) {
    if (isLockTimeout(error)) return 'working';
    throw error;
  }
}

/** `pg` says it in `code`; Prisma keeps the driver's error in `meta` or `cause`. */
function isLockTimeout(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, originalCode, meta, cause, driverAdapterError } = error as Record<string, unknown>;
  if (code === LOCK_NOT_AVAILABLE || originalCode === LOCK_NOT_AVAILABLE) return true;
  return [meta, cause, driverAdapterError].some(isLockTimeout);
}

export interface CheckOptions<Tx> extends LocalDatabase<Tx> {
  /** The producer key's `callbackSecret`, `whsec_…`; several while one takes the place of another. */
  secret: string | readonly string[];
}

/** As Express (4 and 5) and Connect mount them. */
type Middleware = (
  request: IncomingMessage & { body?: unknown },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * The route that is the message's `checkUrl`: checks the gateway's signature and answers by the fence.
 * 200 `{status}`; 425 while the local transaction is open, so that it is asked again soon; 401 for a wrong
 * signature, 400 for what no gateway sends. Errors of the database go to `next`: a 500 decides nothing.
 *
 * Mount it before `express.json()`, or behind `express.raw({ type: () => true })`.
 */
export function checkMiddleware<Tx>(options: CheckOptions<Tx>): Middleware {
  const secrets = typeof options.secret === 'string' ? [options.secret] : options.secret;

  async function answer(request: IncomingMessage & { body?: unknown }) {
    const body = await rawBody(request);
    if (body === null) return { code: 413, body: { code: 'too_large' } };
    if (!isGenuine(request.headers, body, secrets)) {
      return { code: 401, body: { code: 'not_genuine' } };
    }
    const messageId = messageIdIn(body);
    if (messageId === null) return { code: 400, body: { code: 'no_check' } };
    const status = await answerCheck(options, messageId);
    return { code: status === 'working' ? 425 : 200, body: { status } };
  }

  return (request, response, next) => {
    answer(request).then(({ code, body }) => {
      response.writeHead(code, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    }, next);
  };
}

function messageIdIn(body: Buffer): string | null {
  try {
    const { messageId } = JSON.parse(body.toString()) as { messageId?: unknown };
    return typeof messageId === 'string' ? messageId : null;
  } catch {
    return null;
  }
}
