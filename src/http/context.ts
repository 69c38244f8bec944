import type { RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import type { Principal } from '../api/route.ts';
import { requestIdOf } from './request/request-id.ts';

/** What is known of a request besides the request itself. */
interface Context {
  requestId: string;
  /** The path's template, once a route was found: the path itself may hold a business key. */
  route: string | null;
  principal: Principal | null;
  /** When the request came, `performance.now()`. */
  receivedAt: number;
  /** Refused for want of time or memory: told by a count, not by a line of its own. */
  isShed: boolean;
}

export function contextOf(res: Response): Context {
  return res.locals as Context;
}

/** Told of every answer. @param route the path's template; null: none was found */
export type Answered = (
  route: string | null,
  method: string,
  status: number,
  durationMs: number,
) => void;

/** The first step of every request: names it, and logs and counts it when it is over. */
export function begin(log: Logger, answered?: Answered): RequestHandler {
  return (req, res, next) => {
    const context: Context = {
      requestId: requestIdOf(req),
      route: null,
      principal: null,
      receivedAt: performance.now(),
      isShed: false,
    };
    res.locals = context;
    res.setHeader('X-Request-Id', context.requestId);
    res.setHeader('Cache-Control', 'no-store');
    res.on('close', () => {
      const durationMs = performance.now() - context.receivedAt;
      answered?.(context.route, req.method, res.statusCode, durationMs);
      const level = context.isShed ? 'debug' : levelOf(req.method, res.statusCode);
      if (!log.isLevelEnabled(level)) return;
      log[level](
        {
          method: req.method,
          route: context.route,
          status: res.statusCode,
          durationMs: Math.round(durationMs * 10) / 10,
          requestId: context.requestId,
          keyId: context.principal?.keyId ?? null,
          ...(res.writableFinished ? {} : { aborted: true }),
        },
        'request',
      );
    });
    next();
  };
}

/** Notes which route was found. */
export function named(path: string): RequestHandler {
  return (_req, res, next) => {
    contextOf(res).route = path;
    next();
  };
}

function levelOf(method: string, status: number): 'debug' | 'info' | 'warn' {
  if (status >= 500) return 'warn';
  return status < 400 && (method === 'GET' || method === 'HEAD') ? 'debug' : 'info';
}
