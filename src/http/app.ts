import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import type { Logger } from 'pino';
import { Problem, type ShedReason } from '../api/problem.ts';
import type { Route } from '../api/route.ts';
import type { Webhook } from '../api/webhook.ts';
import type { Sql } from '../platform/db/client.ts';
import { faultOf } from '../platform/log/fault.ts';
import type { SecretBox } from '../platform/secrets/secret-box.ts';
import { type AuditTrail, refusalsIn } from './audit.ts';
import { type Authenticate, authorize, identify } from './auth.ts';
import { callHandler } from './call.ts';
import { mountLogin } from './console/login.ts';
import { mountConsole } from './console/routes.ts';
import { createSessions } from './console/session.ts';
import type { SessionStore } from './console/session-store.ts';
import { type Answered, begin, named } from './context.ts';
import { errorHandler } from './errors.ts';
import type { IdempotencyStore } from './idempotency/store.ts';
import { createLimiters, type RateLimits } from './limit.ts';
import { openApiDocument } from './openapi/document.ts';
import { servicePaths } from './openapi/service-paths.ts';
import { needsFreshKey } from './route-kinds.ts';
import { type Metering, mountMetrics, mountService, orToken, type Readiness } from './service.ts';
import { createShares, type Shares } from './shares.ts';

export interface AppParts {
  routes: readonly Route[];
  authenticate: Authenticate;
  /** Seals the console's sessions. */
  /** The calls that the gateway makes, for the document. */
  webhooks?: readonly Webhook[];
  secrets: SecretBox;
  sessions: SessionStore;
  idempotency: IdempotencyStore;
  audit: AuditTrail;
  /** What reads for a caller, until `signal` is aborted. */
  readUntil(signal: AbortSignal): Sql;
  readiness(): Promise<Readiness>;
  log: Logger;
  version: string;
  rateLimits?: Partial<RateLimits>;
  /** Whether `X-Forwarded-…` of a call from this address is believed; of none when absent. */
  trustProxy?: (address: string) => boolean;
  /** For tests. */
  shares?: Shares;
  /** What `/metrics` shows. */
  metering?: Metering;
  answered?: Answered;
  /** Told of each call that was let in and is not done for want of time or memory. */
  shed?: (reason: ShedReason) => void;
  /** For tests; `performance.now` when absent. */
  monotonicMs?: () => number;
  /** Where the console was built; beside the program when absent. */
  consoleFolder?: string;
}

const SECURITY_HEADERS = {
  // Answers are data. The pages that are more set a policy of their own.
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
};

/**
 * The whole API. Each request passes, in this order: name and log it, security headers, who calls,
 * rate limit, may it, body, schemas, idempotency, handler. Whatever throws ends in errors.ts.
 *
 * Before all this server.ts has it admitted (overload/admission.ts), for when there is more to do than can
 * be done, the cheapest refusal comes first:
 *
 * 1. more calls at work than were completed within the last second (at least 256 of intake and
 *    512 others, and more for a second after a calm), or the heap is nearly full: 503 at once, before this function knows of the call;
 * 2. the caller has hung up: dropped before it begins, before its key is looked up, before its body is
 *    parsed, before its Idempotency-Key is taken, and where it waits to be stored;
 * 3. its body, and then what is to be made of it, does not fit into a share of the heap: waits for two
 *    seconds each, in order, then 503;
 * 4. it only looks something up, and three of its merchant's calls do so already: waits for five seconds, then 503;
 * 5. what it looks up takes longer than READ_TIMEOUT_SECONDS: the statement is ended, and 503;
 * 6. it waits for more than two seconds to be stored: 503, and nothing is stored.
 *
 * `/healthz`, `/readyz` and `/metrics` are always let in.
 */
export function createApp(parts: AppParts): Express {
  const log = parts.log.child({}, { serializers: { err: faultOf } });
  const limiters = createLimiters(parts.rateLimits, parts.monotonicMs);
  const sessions = createSessions(parts.secrets, parts.sessions);
  const shares = parts.shares ?? createShares();
  const keepRefusal = refusalsIn(parts.audit, parts.monotonicMs);
  const whoCalls = identify(parts.authenticate, sessions, limiters);
  const whoCallsNow = identify(parts.authenticate, sessions, limiters, true);
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', parts.trustProxy ?? false);
  app.set('query parser', false);
  app.set('case sensitive routing', true);
  app.use(begin(log, parts.answered), helmet(SECURITY_HEADERS));

  for (const route of inMatchingOrder(parts.routes)) {
    app[route.method](
      expressPath(route.path),
      named(route.path),
      needsFreshKey(route) ? whoCallsNow : whoCalls,
      limiters.perKey,
      authorize(route, keepRefusal(route)),
      callHandler(route, { ...parts, shares, log }),
    );
  }
  mountService(app, {
    version: parts.version,
    readiness: parts.readiness,
    document: () => openApiDocument(parts.routes, parts.version, parts.webhooks),
    limit: limiters.perAddress,
  });
  if (parts.metering !== undefined) {
    const { token, scrape } = parts.metering;
    const whoScrapes = identify(orToken(token, parts.authenticate), sessions, limiters);
    mountMetrics(app, scrape, [whoScrapes, limiters.perKey]);
  }
  mountLogin(app, {
    authenticate: parts.authenticate,
    sessions,
    limiters,
    audit: parts.audit,
  });
  mountConsole(app, limiters.perAddress, parts.consoleFolder);
  app.use(limiters.perAddress, elsewhere([...parts.routes, ...servicePaths]));
  app.use(errorHandler(log, parts.shed));
  return app;
}

/** Fixed paths before those with parameters, whatever the order of the features. */
function inMatchingOrder(routes: readonly Route[]): Route[] {
  const seen = new Set<string>();
  for (const { method, path } of routes) {
    const name = `${method} ${path}`;
    if (seen.has(name)) throw new Error(`Two routes are ${name}.`);
    seen.add(name);
  }
  const parametersOf = (route: Route) => route.path.split('{').length;
  return routes.toSorted((one, other) => parametersOf(one) - parametersOf(other));
}

/** `/v1/queues/{name}` → `/v1/queues/:name` */
function expressPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

/** Nothing matched: 405 where the path is known under other methods, else 404. */
function elsewhere(known: readonly { method: string; path: string }[]): RequestHandler {
  const patterns = known.map(({ method, path }) => ({
    methods: method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()],
    pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}/?$`),
  }));
  return (req) => {
    const methods = patterns.filter(({ pattern }) => pattern.test(req.path));
    if (methods.length === 0) throw new Problem(404, 'not_found', 'There is nothing here.');
    const allow = [...new Set(methods.flatMap((entry) => entry.methods))].join(', ');
    throw new Problem(405, 'method_not_allowed', `This address takes ${allow}.`, {
      headers: { allow },
    });
  };
}
