import { parse as parseQuery } from 'node:querystring';
import type { Request, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import { callerLeft, invalid, Overload } from '../api/problem.ts';
import type { Call, Reply, Route } from '../api/route.ts';
import type { Sql } from '../platform/db/client.ts';
import { isStatementTimeout } from '../platform/db/database-error.ts';
import { newUuid } from '../platform/ids.ts';
import { remoteAddressOf } from './address.ts';
import { type Answer, answerOf, send, sendStream } from './answer.ts';
import { type AuditTrail, withTrail } from './audit.ts';
import { watchCaller } from './caller.ts';
import { contextOf } from './context.ts';
import { problemAnswer, problemOf, viewOf } from './errors.ts';
import { answerOnce, fingerprintOf, idempotencyKeyOf } from './idempotency/idempotency.ts';
import type { IdempotencyStore } from './idempotency/store.ts';
import { type Ticket, ticketOf } from './overload/ticket.ts';
import { type Body, DEFAULT_BODY_LIMIT_BYTES, NO_BODY, readBody } from './request/body.ts';
import { judgeItems } from './request/items.ts';
import { validate } from './request/validate.ts';
import { keepsAnswers, onlyLooks } from './route-kinds.ts';
import type { Shares } from './shares.ts';

type AnyCall = Call<unknown, unknown, unknown>;

interface CallParts {
  idempotency: IdempotencyStore;
  shares: Shares;
  /** What reads for a caller, until `signal` is aborted. */
  readUntil(signal: AbortSignal): Sql;
  audit: AuditTrail;
  log: Logger;
}

/** The way of a call whose caller is known and may make it: read, validate, run once, answer. */
export function callHandler(route: Route, parts: CallParts): RequestHandler {
  const { idempotency: store, log } = parts;
  const takes = {
    limitBytes: route.bodyLimitBytes ?? DEFAULT_BODY_LIMIT_BYTES,
    textTypes: route.textTypes ?? [],
    items: route.items,
  };
  const isLook = onlyLooks(route);
  const runAlone = withTrail(route, parts.audit, log);
  const run = isLook ? inShare(runAlone, parts.shares) : runAlone;

  async function respond(
    req: Request,
    res: Response,
    ticket: Ticket,
    signal: AbortSignal,
  ): Promise<void> {
    const from = remoteAddressOf(req);
    const body = route.method === 'get' ? NO_BODY : await readBody(req, takes, ticket);
    const call = callOf(route, req, res, body, { reads: parts.readUntil(signal), signal });
    const header = req.headers['idempotency-key'];
    if (!keepsAnswers(route) || typeof header !== 'string') {
      const reply = await run(call, from, signal);
      if (reply.stream === undefined) return ticket.answerInTurn(() => send(res, answerOf(reply)));
      // It lasts as long as its reader wants, and is made piece by piece.
      ticket.end(res);
      return sendStream(res, reply, reply.stream);
    }
    const claim = {
      scope: call.principal.keyId,
      key: idempotencyKeyOf(header),
      fingerprint: fingerprintOf(req.method, req.originalUrl, body.bytes),
      isGone: call.isGone,
    };
    const runOnce = (reservedId: string) => {
      const again = { ...call, reservedId };
      return outcomeOf(() => run(again, from, signal), {
        requestId: call.requestId,
        instance: req.path,
      });
    };
    const { isGone } = call;
    const answer = await answerOnce({ store, claim, run: runOnce, isGone, log });
    return ticket.answerInTurn(() => send(res, answer));
  }

  return async (req, res) => {
    const ticket = ticketOf(req);
    ticket.begin();
    // What changes something is done to its end.
    const caller = isLook ? watchCaller(req) : null;
    try {
      if (req.socket.destroyed) throw callerLeft();
      await respond(req, res, ticket, caller?.signal ?? NEVER);
    } finally {
      caller?.end();
      ticket.end(res);
    }
  };
}

const NEVER = new AbortController().signal;

type Run = (call: AnyCall, from: string | null, signal: AbortSignal) => Promise<Reply>;

/** In a place of the caller's share. What is streamed has it until the first piece is there. */
function inShare(run: Run, shares: Shares): Run {
  return async (call, from, signal) => {
    const release = await shares.take(call.principal, signal);
    try {
      return await run(call, from, signal);
    } catch (error) {
      throw isStatementTimeout(error) ? tookTooLong() : error;
    } finally {
      release();
    }
  };
}

function tookTooLong(): Overload {
  return new Overload(
    'slow',
    'This takes too long. Ask for less, such as a shorter time or fewer filters.',
  );
}

function callOf(
  route: Route,
  req: Request,
  res: Response,
  body: Body,
  caller: { reads: Sql; signal: AbortSignal },
): AnyCall {
  const { principal, requestId, receivedAt } = contextOf(res);
  if (principal === null) throw new Error('A call without a caller.');
  const query = queryOf(req.url);
  const input = validate(route, { params: req.params, query, body: body.value });
  return {
    ...input,
    principal,
    rawBody: body.text,
    items: route.items === undefined ? [] : judgeItems(body.items, route.items),
    reservedId: newUuid(),
    receivedAt,
    requestId,
    ...caller,
    isGone: () => req.socket.destroyed,
    viewOf: (problem) => viewOf(problem, { requestId, instance: req.path }),
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
async function outcomeOf(
  run: () => Promise<Reply>,
  about: { requestId: string; instance: string },
): Promise<Answer> {
  try {
    return answerOf(await run());
  } catch (error) {
    const problem = problemOf(error);
    if (problem.status >= 500) throw error;
    return problemAnswer(problem, about);
  }
}
