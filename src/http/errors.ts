import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler } from 'express';
import type { Logger } from 'pino';
import { z } from 'zod';
import { Overload, Problem, type ProblemView, type ShedReason } from '../api/problem.ts';
import { isUnavailable } from '../platform/db/database-error.ts';
import { type Answer, send } from './answer.ts';
import { contextOf } from './context.ts';
import { fieldErrors } from './request/validate.ts';

/** Which request a problem is about. */
interface About {
  requestId: string;
  /** The path as it was called, without the query. */
  instance: string;
}

/** The Problem that callers may see in place of whatever was thrown. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof z.ZodError) return invalidRequest(error);
  if (isUnavailable(error)) {
    return new Problem(503, 'unavailable', 'Not available at the moment. Try again shortly.', {
      headers: { 'retry-after': '1' },
    });
  }
  const status = exposedStatus(error);
  if (status === 413) return new Problem(413, 'payload_too_large', 'The body is too large.');
  if (status !== null) return new Problem(status, 'bad_request', 'The request is malformed.');
  return new Problem(500, 'internal_error', 'Something went wrong here. It has been logged.');
}

function invalidRequest(error: z.ZodError): Problem {
  const errors = fieldErrors(error.issues, []);
  return new Problem(422, 'invalid_request', 'The request is not valid.', { errors });
}

/** Express and its parts mark what the caller got wrong; a bad escape in the path is a URIError. */
function exposedStatus(error: unknown): number | null {
  if (!(error instanceof Error) || !('status' in error)) return null;
  const { status } = error;
  const isMeantForCallers =
    error instanceof URIError || ('expose' in error && error.expose === true);
  return isMeantForCallers && typeof status === 'number' && status >= 400 && status < 500
    ? status
    : null;
}

/**
 * A Problem as RFC 9457 has it. `type` is `about:blank`, so `title` is the status' own; `code` tells
 * one kind from another.
 *
 * @param more members beyond the common ones
 */
export function problemAnswer(problem: Problem, about: About, more: object = {}): Answer {
  return {
    status: problem.status,
    headers: { ...problem.headers, 'content-type': 'application/problem+json' },
    body: JSON.stringify({ ...viewOf(problem, about), ...more }),
  };
}

/** A Problem's members, for an answer that holds it among others. */
export function viewOf(problem: Problem, about: About): ProblemView {
  return {
    type: 'about:blank',
    title: STATUS_CODES[problem.status] ?? 'Error',
    status: problem.status,
    detail: problem.message,
    code: problem.code,
    instance: about.instance,
    requestId: about.requestId,
    ...(problem.errors && { errors: problem.errors }),
  };
}

/** The whole answer, head and all, for a connection on which no request could be read. */
export function rawProblem(problem: Problem, requestId: string): string {
  const { status, headers, body } = problemAnswer(problem, { requestId, instance: '' });
  const head = Object.entries({
    ...headers,
    'x-request-id': requestId,
    'cache-control': 'no-store',
    'content-length': String(Buffer.byteLength(body ?? '')),
    connection: 'close',
  });
  const lines = head.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines}\r\n${body}`;
}

/**
 * The last step: answers what any other step threw.
 *
 * @param shed told of what was not done for want of time or memory
 */
export function errorHandler(
  log: Logger,
  shed?: (reason: ShedReason) => void,
): ErrorRequestHandler {
  return (error: unknown, req, res, _next) => {
    const problem = problemOf(error);
    const context = contextOf(res);
    const { requestId, route } = context;
    if (problem instanceof Overload) {
      context.isShed = true;
      shed?.(problem.reason);
    } else if (problem.status >= 500) {
      const level = problem.status === 503 ? 'warn' : 'error';
      log[level]({ requestId, route, err: error }, 'request failed');
    }
    if (res.headersSent) {
      res.destroy();
      return;
    }
    send(res, problemAnswer(problem, { requestId, instance: req.path }));
  };
}
