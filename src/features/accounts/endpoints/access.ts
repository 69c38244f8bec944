import { invalid, notFound } from '../../../api/problem.ts';
import type { AuditState, Principal, Role } from '../../../api/route.ts';
import { withoutQuery } from '../../../engine/http/addresses.ts';
import { checkUrl, type Guard } from '../../../engine/http/destination.ts';
import type { TargetRules } from '../../../engine/http/target-rules.ts';
import { isProtocolQueue, keptForProtocol } from '../../../engine/protocol-queues.ts';
import type { Database, Sql } from '../../../platform/db/client.ts';
import type { SecretBox } from '../../../platform/secrets/secret-box.ts';
import { hearTheSame } from '../signing/overlap.ts';
import type { EndpointView, TestResult } from './contract.ts';
import { masked } from './sealed-headers.ts';
import { type EndpointRow, findEndpoint } from './store.ts';
import type { Subscription } from './subscription.ts';

export interface EndpointDeps {
  database: Database;
  secrets: SecretBox;
  /** What merchants' addresses may be. */
  targets: TargetRules;
  /** Asks DNS where a name leads. */
  guard: Pick<Guard, 'checkReachable'>;
  /** Ends what waits for an endpoint that was deleted, a lot of it perhaps a little later. Never rejects. */
  cancelForEndpoint(endpointId: string): Promise<void>;
  /** Called after the commit that lets a receiver be called again. */
  wakeReceiver(receiverId: string): Promise<unknown>;
  /** One attempt that is never repeated. */
  testEndpoint(endpointId: string): Promise<TestResult>;
}

export const ENDPOINT_ROLES: readonly Role[] = ['operator', 'merchant'];

/** The one place that decides who sees an endpoint: somebody else's is as absent as a deleted one. */
export async function visibleEndpoint(
  sql: Sql,
  principal: Principal,
  id: string,
): Promise<EndpointRow> {
  const row = await findEndpoint(sql, id, principal.merchantId);
  if (row === null) throw notFound('endpoint');
  return row;
}

/** The same for what lies under a merchant. */
export function requireMerchant(principal: Principal, merchantId: string): void {
  if (principal.merchantId !== null && principal.merchantId !== merchantId) {
    throw notFound('merchant');
  }
}

/** @throws Problem 422 where it is not for notifications */
export function requireOpenQueue(queue: string | null | undefined): void {
  if (queue == null || !isProtocolQueue(queue)) return;
  throw invalid('body.queue', keptForProtocol(queue), 'protocol_queue');
}

/** @throws Problem 422 where it may not be called, as far as that shows now; each attempt looks again */
export async function requireCallable(text: string, deps: EndpointDeps): Promise<void> {
  const check = checkUrl(text, deps.targets);
  if (!check.ok) throw invalid('body.url', check.reason);
  if (!(await deps.guard.checkReachable(check.url))) {
    throw invalid('body.url', 'This address may not be called.');
  }
}

/**
 * An endpoint as the audit log may keep it: of custom headers the names, of its address what comes
 * before the query. Both may hold a receiver's passwords, and the log is never emptied.
 */
export function lookAtEndpoint({ database }: EndpointDeps) {
  return async (
    { principal }: { principal: Principal },
    id: string,
  ): Promise<AuditState | null> => {
    const row = await findEndpoint(database.prisma, id, principal.merchantId);
    if (row === null) return null;
    const { id: _id, merchantId, createdAt: _at, headers, url, ...state } = toEndpointView(row);
    const shown = { url: withoutQuery(url), headers: Object.keys(headers) };
    return { merchantId, state: { ...shown, ...state } };
  };
}

/** Whether both hear some of the same. */
function overlaps(one: Subscription, other: Subscription): boolean {
  const isOperational = one.events.length > 0;
  if (isOperational !== other.events.length > 0) return false;
  return isOperational
    ? hearTheSame(one.events, other.events)
    : hearTheSame(one.types, other.types);
}

/** An endpoint as callers see it. */
export function toEndpointView(row: EndpointRow): EndpointView {
  const { pausedAt, openUntil, previousSecretExpiresAt, createdAt, sameUrl, ...others } = row;
  const { sealedHeaders: _sealed, sealedFormatSecret, headers, ...shown } = others;
  const held = pausedAt === null ? 'active' : 'paused';
  return {
    ...shown,
    headers: masked(headers),
    hasFormatSecret: sealedFormatSecret !== null,
    status: row.disabledReason === null ? held : 'disabled',
    circuit: {
      // It closes with a success, not with the time: until then one attempt at a time is made.
      state: openUntil === null ? 'closed' : 'open',
      openUntil: openUntil?.toISOString() ?? null,
    },
    previousSecretExpiresAt: previousSecretExpiresAt?.toISOString() ?? null,
    duplicates: (sameUrl ?? []).filter((other) => overlaps(other, row)).map(({ id }) => id),
    createdAt: createdAt.toISOString(),
  };
}
