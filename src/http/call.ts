import { parse as parseQuery } from 'node:querystring';
import type { Request, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import { newUuid } from '../ids.ts';
import { invalid } from '../problem.ts';
import type { Call, Route } from '../route.ts';
import { type Answer, answerOf, send, sendStream } from './answer.ts';
import { type Body, DEFAULT_BODY_LIMIT_BYTES, NO_BODY, readBody } from './body.ts';
import { contextOf } from './context.ts';
import { problemAnswer, problemOf } from './errors.ts';
import { answerOnce, fingerprintOf, idempotencyKeyOf } from './idempotency.ts';
import type { IdempotencyStore } from './idempotency-store.ts';
import { validate } from './validate.ts';

type AnyCall = Call<unknown, unknown, unknown>;

/** The way of a call whose caller is known and may make it: read, validate, run once, answer. */
export function callHandler(route: Route, store: IdempotencyStore, log: Logger): RequestHandler {
  const takes = {
    limitBytes: route.bodyLimitBytes ?? DEFAULT_BODY_LIMIT_BYTES,
    textTypes: route.textTypes ?? [],
  };
  return async (req, res) => {
    const body = route.method === 'get' ? NO_BODY : await readBody(req, takes);
    const call = callOf(route, req, res, body);
    const header = req.headers['idempotency-key'];
    if (route.method !== 'post' || typeof header !== 'string') {
      const reply = await route.handle(call);
      if (reply.stream === undefined) send(res, answerOf(reply));
      else await sendStream(res, reply, reply.stream);
      return;
    }
    const claim = {
      scope: call.principal.keyId,
      key: idempotencyKeyOf(header),
      fingerprint: fingerprintOf(req.method, req.originalUrl, body.bytes),
    };
    const run = (reservedId: string) => outcomeOf(route, { ...call, reservedId }, req.path);
    send(res, await answerOnce({ store, claim, run, log }));
  };
}

function callOf(route: Route, req: Request, res: Response, body: Body): AnyCall {
  const { principal, requestId } = contextOf(res);
  if (principal === null) throw new Error('A call without a caller.');
  const query = queryOf(req.url);
  const input = validate(route, { params: req.params, query, body: body.value });
  return {
    ...input,
    principal,
    rawBody: body.text,
    reservedId: newUuid(),
    requestId,
    headers: req.headers as Record<string, string | undefined>,
  };
}

const NO_QUERY = {};

/** @throws Problem 422 where path or query hold a NUL, which Postgres takes in no text */
function queryOf(url: string): object {
  const start = url.indexOf('?');
  const nul = url.indexOf('%00');
  if (nul !== -1) {
    const part = start !== -1 && nul > start ? 'query' : 'params';
    throw invalid(part, 'The address holds the character %00.');
  }
  if (start === -1) return NO_QUERY;
  // Without a limit of keys, as those beyond one would pass unseen; the header's size bounds them.
  return parseQuery(url.slice(start + 1), '&', '=', { maxKeys: 0 });
}

/** The handler's answer, or the Problem it threw as an answer, since that too is kept for repeats. */
async function outcomeOf(route: Route, call: AnyCall, instance: string): Promise<Answer> {
  try {
    return answerOf(await route.handle(call));
  } catch (error) {
    const problem = problemOf(error);
    if (problem.status >= 500) throw error;
    return problemAnswer(problem, { requestId: call.requestId, instance });
  }
}
