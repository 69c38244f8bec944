import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { callerLeft, invalid, Problem } from '../../api/problem.ts';
import type { Answer } from '../answer.ts';
import { problemOf } from '../errors.ts';
import type { Claim, IdempotencyStore, Lock } from './store.ts';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;
const QUOTED = /^"(.*)"$/;

/**
 * The key in an `Idempotency-Key` header; `"abc"` and `abc` are the same one.
 *
 * @throws Problem 422
 */
export function idempotencyKeyOf(header: string): string {
  const key = QUOTED.exec(header)?.[1] ?? header;
  if (VISIBLE_ASCII.test(key)) return key;
  throw invalid(
    'headers.idempotency-key',
    'An Idempotency-Key has 1–255 visible ASCII characters.',
  );
}

/** @param target path and query: with another query it is another question */
export function fingerprintOf(method: string, target: string, body: Buffer): string {
  return createHash('sha256').update(`${method} ${target}\n`).update(body).digest('hex');
}

interface Once {
  store: IdempotencyStore;
  claim: Claim;
  /** The call itself, thrown Problems included as answers where they are the caller's fault. */
  run(reservedId: string): Promise<Answer>;
  /** Whether the caller has hung up, so that there is no one left to run it for. */
  isGone(): boolean;
  log: Logger;
}

/**
 * Runs a call once for its key: repeats get the first answer. An answer that says "not now", be it of a
 * part, is not kept, so that the same call may be made again: what had been done is found by its reserved
 * id. Nor is anything kept of a call whose caller left before it began.
 *
 * Crash points: before `keep`, the lock runs out and a repeat runs again with the same reserved id.
 *
 * @throws Problem 409 `request_in_progress`, 422 `idempotency_key_reused`, and what `run` throws
 */
export async function answerOnce({ store, claim, run, isGone, log }: Once): Promise<Answer> {
  const standing = await store.claim(claim);
  switch (standing.kind) {
    case 'answered':
      return replayed(standing.answer);
    case 'other_request':
      throw new Problem(
        422,
        'idempotency_key_reused',
        'This Idempotency-Key came before, with another request.',
      );
    case 'running':
      throw new Problem(
        409,
        'request_in_progress',
        'The first request with this Idempotency-Key is still being worked on.',
        { headers: { 'retry-after': '1' } },
      );
    case 'shut':
      // Not run again: what it did, it has done. Another process, or the missing key, may open it.
      log.error('the answer to an Idempotency-Key cannot be opened: is an encryption key missing?');
      throw new Problem(
        409,
        'request_in_progress',
        'The first request with this Idempotency-Key was answered, and its answer cannot be read now.',
        { headers: { 'retry-after': '60' } },
      );
    case 'ours':
      return runAndKeep(standing.lock);
  }

  async function runAndKeep(lock: Lock): Promise<Answer> {
    let answer: Answer;
    try {
      if (isGone()) throw callerLeft();
      answer = await run(lock.reservedId);
    } catch (error) {
      await settle(store.release(claim, lock));
      throw error;
    }
    const isFinal = answer.status < 500 && answer.status !== 429 && answer.isUnfinished !== true;
    await settle(isFinal ? store.keep(claim, lock, answer) : store.release(claim, lock));
    return answer;
  }

  // The call has been done or has failed by now; that its answer cannot be noted changes neither.
  // Unanswered, the lock runs out by itself.
  async function settle(write: Promise<void>): Promise<void> {
    try {
      await write;
    } catch (error) {
      log.warn({ code: problemOf(error).code }, 'the answer to an Idempotency-Key was not kept');
    }
  }
}

function replayed(answer: Answer): Answer {
  return { ...answer, headers: { ...answer.headers, 'idempotent-replayed': 'true' } };
}
