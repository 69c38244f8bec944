import { z } from 'zod';

/** A problem as callers get it (RFC 9457). */
export const problemView = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('Stable and machine-readable.'),
    instance: z.string(),
    requestId: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'What went wrong (RFC 9457).' });
export type ProblemView = z.output<typeof problemView>;

/** One fault in a request: where (`body.ladderSeconds.3`) and what is wrong with it. */
export interface FieldError {
  path: string;
  message: string;
}

interface ProblemExtras {
  errors?: FieldError[];
  headers?: Record<string, string>;
}

/**
 * An error that callers are meant to see, whoever throws it. `code` is stable and machine-readable;
 * only the HTTP layer turns it into `application/problem+json` (RFC 9457).
 */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: FieldError[] | undefined;
  readonly headers: Record<string, string>;

  constructor(status: number, code: string, detail: string, extras: ProblemExtras = {}) {
    super(detail);
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.errors = extras.errors;
    this.headers = extras.headers ?? {};
  }
}

/** Why a call is not done now, though nothing is wrong with it. */
export const SHED_REASONS = [
  'queue',
  'late',
  'share',
  'slow',
  'memory',
  'heap',
  'abandoned',
] as const;
export type ShedReason = (typeof SHED_REASONS)[number];

/**
 * 503 for what is more than this process can do now, or what nobody waits for any more (`abandoned`: no
 * one will see it). Nothing of it has been done, so the same call may come again. These are many at a
 * time: they are counted by their reason, and not logged one by one.
 */
export class Overload extends Problem {
  readonly reason: ShedReason;

  constructor(reason: ShedReason, detail: string) {
    super(503, 'unavailable', detail, { headers: { 'retry-after': '1' } });
    this.reason = reason;
  }
}

/** What ends the work for a caller who has hung up. */
export function callerLeft(): Overload {
  return new Overload('abandoned', 'The caller has left.');
}

/** 404, in the same words for what is absent and for what belongs to somebody else. */
export function notFound(what: string): Problem {
  return new Problem(404, 'not_found', `No such ${what}.`);
}

/** The same problem of what is only a part of the body, and stands there at `path`. */
export function under(path: string, { status, code, message, errors, headers }: Problem): Problem {
  return new Problem(status, code, message, {
    headers,
    ...(errors && {
      errors: errors.map((each) => ({ ...each, path: each.path.replace(/^body\b/, path) })),
    }),
  });
}

/** 422 for one field. */
export function invalid(path: string, message: string, code = 'invalid_request'): Problem {
  return new Problem(422, code, message, { errors: [{ path, message }] });
}
