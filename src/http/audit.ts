import type { Request } from 'express';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Audit, Call, Principal, Reply, Role, Route } from '../api/route.ts';
import { remoteAddressOf } from './address.ts';
import { problemOf } from './errors.ts';

/** Somebody is about to change something. */
export interface AuditEntry {
  principal: Omit<Principal, 'role' | 'sessionId'> & { role: Role | 'nobody' };
  action: string;
  object: { kind: string; id: string | null };
  /** Whose object it is, as far as that is known. */
  merchantId: string | null;
  reason: string | null;
  asked: Record<string, unknown> | null;
  before: Record<string, unknown> | null;
  requestId: string;
  remoteAddress: string | null;
}

interface AuditOutcome {
  /** Of the answer. */
  status: number;
  after: Record<string, unknown> | null;
}

/** Both are committed when they resolve. */
export interface AuditTrail {
  /** @returns the entry's id */
  begin(entry: AuditEntry): Promise<string>;
  end(id: string, outcome: AuditOutcome): Promise<void>;
}

type AnyCall = Call<unknown, unknown, unknown>;
type AnyAudit = Audit<unknown, unknown, unknown>;
type Handle = (call: AnyCall, remoteAddress: string | null) => Promise<Reply>;

const KEPT_ROLES: readonly Role[] = ['operator', 'merchant'];
const LONGEST_ID = 128;
const MINUTE = 60_000;
/** Pairs of key and action; beyond them the one that was refused longest ago is forgotten. */
const MAX_REMEMBERED = 10_000;

/**
 * A route's handler with its trace: begin → handle → end. Nothing is done that the log does not know of
 * already, and no success is answered before the log has it. A call that dies in between leaves an
 * entry without an end; a repeat under the same Idempotency-Key is a second run and a second entry, but
 * one that only gets the first answer again does not come here.
 *
 * Refusals of the handler (404, 409, 422) are ends like others; the trail sums up those that are many. What never gets to a handler (a body
 * that is not valid, too many requests) has changed nothing and is not kept.
 */
export function withTrail(route: Route, trail: AuditTrail, log: Logger): Handle {
  const audit = auditOf(route);
  if (audit === null) return (call) => route.handle(call);
  return async (call, remoteAddress) => {
    const roles = audit.roles ?? KEPT_ROLES;
    if (!roles.includes(call.principal.role) || audit.when?.(call) === false) {
      return route.handle(call);
    }
    const id = audit.id === undefined ? pathId(route, call.params) : audit.id(call);
    const look = async () => (id === null ? null : ((await audit.look?.(call, id)) ?? null));
    const before = await look();
    const entryId = await trail.begin({
      principal: call.principal,
      action: audit.action,
      object: { kind: kindOf(audit), id },
      merchantId: call.principal.merchantId ?? before?.merchantId ?? namedMerchant(call),
      reason: reasonOf(call.body),
      asked: audit.asked?.(call) ?? null,
      before: before?.state ?? null,
      requestId: call.requestId,
      remoteAddress,
    });
    let reply: Reply;
    try {
      reply = await route.handle(call);
    } catch (error) {
      await trail
        .end(entryId, { status: problemOf(error).status, after: null })
        .catch((fault) => log.error({ err: fault, entryId }, 'the end of a call was not kept'));
      throw error;
    }
    await trail.end(entryId, { status: reply.status, after: (await look())?.state ?? null });
    return reply;
  };
}

type KeepRefusal = (req: Request, principal: Principal, requestId: string) => Promise<void>;

/**
 * Keeps that somebody tried what the role may not do, whichever role that is: one entry for each key,
 * action and minute of this process. The log cannot be emptied, so no key may fill it with what it is
 * not allowed to do.
 *
 * @returns what keeps the refusals of one route
 */
export function refusalsIn(
  trail: AuditTrail,
  monotonicMs: () => number = () => performance.now(),
): (route: Route) => KeepRefusal {
  const clock = { perf: { now: monotonicMs }, ttlResolution: 0 };
  const kept = new LRUCache<string, true>({ max: MAX_REMEMBERED, ttl: MINUTE, ...clock });
  return (route) => {
    const audit = auditOf(route);
    return async (req, principal, requestId) => {
      if (audit === null) return;
      const name = `${principal.keyId} ${audit.action}`;
      if (kept.has(name)) return;
      // Before anything is awaited: what comes meanwhile is the same refusal.
      kept.set(name, true);
      try {
        const id = await trail.begin({
          principal,
          action: audit.action,
          object: { kind: kindOf(audit), id: pathId(route, req.params) },
          merchantId: principal.merchantId,
          reason: null,
          asked: null,
          before: null,
          requestId,
          remoteAddress: remoteAddressOf(req),
        });
        await trail.end(id, { status: 403, after: null });
      } catch (error) {
        kept.delete(name);
        throw error;
      }
    };
  };
}

/** @throws where a route changes something and does not say how that is kept */
function auditOf(route: Route): AnyAudit | null {
  if (route.audit === 'changes nothing') return null;
  if (route.audit !== undefined) return route.audit as AnyAudit;
  if (route.method === 'get') return null;
  throw new Error(`${route.method} ${route.path} does not say what the audit log keeps of it.`);
}

function kindOf({ action }: AnyAudit): string {
  return action.slice(0, action.lastIndexOf('.'));
}

/** What the path names first, if it names anything that could be an id. */
function pathId({ path }: Route, params: unknown): string | null {
  const [, name] = /\{(\w+)\}/.exec(path) ?? [];
  const id = name === undefined ? undefined : (params as Record<string, unknown>)[name];
  return typeof id === 'string' && !id.includes('\0') ? id.slice(0, LONGEST_ID) : null;
}

/** The one merchant that an operator's call names, by path, query or body. */
function namedMerchant({ params, query, body }: AnyCall): string | null {
  for (const part of [params, query, body]) {
    const named = (part as { merchantId?: unknown } | undefined)?.merchantId;
    if (typeof named === 'string') return named;
  }
  return null;
}

function reasonOf(body: unknown): string | null {
  const reason = (body as { reason?: unknown } | undefined)?.reason;
  return typeof reason === 'string' ? reason : null;
}
