import { createHash, timingSafeEqual } from 'node:crypto';
import type { Express, RequestHandler } from 'express';
import { Problem } from '../api/problem.ts';
import { type Principal, requireCall } from '../api/route.ts';
import { answerOf, send } from './answer.ts';
import type { Authenticate } from './auth.ts';
import { contextOf, named } from './context.ts';
import { problemAnswer } from './errors.ts';
import { METRICS_CALL } from './openapi/service-paths.ts';

export interface Readiness {
  database: boolean;
  queue: boolean;
  /** This process has what it needs of its machine. */
  process: boolean;
  /** What an operator should know, a sentence each. */
  notes: string[];
}

interface ServiceParts {
  version: string;
  readiness(): Promise<Readiness>;
  /** The OpenAPI document; asked for once. */
  document(): object;
  limit: RequestHandler;
}

export interface Metering {
  /** Who has it may read the metrics, and nothing else; null: operators alone may. */
  token: string | null;
  scrape(): Promise<{ type: string; text: string }>;
}

/** Who comes with the token: there is no such key, and it is asked about at `/metrics` alone. */
const SCRAPER: Principal = {
  keyId: 'metrics-token',
  role: 'operator',
  name: 'METRICS_TOKEN',
  merchantId: null,
};

/** Takes the token as a key, so that guessing it is slowed as guessing keys is. For `/metrics` alone. */
export function orToken(token: string | null, authenticate: Authenticate): Authenticate {
  if (token === null) return authenticate;
  return async (key, isFresh, from) =>
    isSame(key, token) ? SCRAPER : authenticate(key, isFresh, from);
}

/** @param whoCalls what finds out whose key it is, the token among them */
export function mountMetrics(
  app: Express,
  scrape: Metering['scrape'],
  whoCalls: readonly RequestHandler[],
): void {
  const path = '/metrics';
  const answer: RequestHandler = async (_req, res) => {
    const { type, text } = await scrape();
    send(res, { status: 200, headers: { 'content-type': type }, body: text });
  };
  const operatorsOnly: RequestHandler = (_req, res, next) => {
    const { principal } = contextOf(res);
    if (principal?.role !== 'operator') {
      throw new Problem(403, 'forbidden', 'This takes a key of role operator, or METRICS_TOKEN.');
    }
    requireCall(principal, METRICS_CALL);
    next();
  };
  app.get(path, named(path), ...whoCalls, operatorsOnly, answer);
}

/** In a time that tells nothing. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/** Mounts what needs no key. The two probes are outside every limit, or a busy neighbour ends us. */
export function mountService(app: Express, parts: ServiceParts): void {
  app.get('/healthz', named('/healthz'), (_req, res) => {
    send(res, answerOf({ status: 200, body: { status: 'ok', version: parts.version } }));
  });
  app.get('/readyz', named('/readyz'), readyz(parts.readiness));
  let document: string | undefined;
  app.get('/openapi.json', named('/openapi.json'), parts.limit, (_req, res) => {
    document ??= JSON.stringify(parts.document());
    const headers = { 'content-type': 'application/json; charset=utf-8' };
    send(res, { status: 200, headers, body: document });
  });
}

function readyz(look: () => Promise<Readiness>): RequestHandler {
  const readiness = shared(look);
  return async (req, res) => {
    const ready = await readiness();
    const unfit = (['database', 'queue', 'process'] as const).filter((part) => !ready[part]);
    if (unfit.length === 0) {
      send(res, answerOf({ status: 200, body: { status: 'ok', ...ready } }));
      return;
    }
    const away = unfit.filter((part) => part !== 'process');
    const reach = away.length > 0 ? [`Cannot be reached: ${away.join(', ')}.`] : [];
    const detail = [...reach, ...ready.notes].join(' ');
    const problem = new Problem(503, 'unavailable', detail, { headers: { 'retry-after': '1' } });
    const about = { requestId: contextOf(res).requestId, instance: req.path };
    send(res, problemAnswer(problem, about, ready));
  };
}

/** Callers at the same time share one look: asking needs no key, so it must not cost much. */
function shared<T>(look: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= look().finally(() => {
      running = undefined;
    });
    return running;
  };
}
