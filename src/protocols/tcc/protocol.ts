import type { WebhookRequest, WebhookResponse } from '../../engine/http/send.ts';
import type { AfterCommit, Attempted, Protocol } from '../../engine/protocol.ts';
import type { Verdict } from '../../engine/rules/decide.ts';
import type { Claimed } from '../../engine/store/claim.ts';
import type { Settled } from '../../engine/store/settle.ts';
import type { Waker } from '../../engine/timers/wake-queue.ts';
import type { Sql, Transaction } from '../../platform/db/client.ts';
import { advance } from './advance.ts';
import { decide } from './decide.ts';
import { resendCall } from './resend.ts';
import { findContents } from './store/find.ts';
import {
  findVerdicts,
  lockTransactions,
  noteDone,
  noteFailures,
  noteTries,
  suspendTransactions,
  type TryStatus,
} from './store/progress.ts';

/** Something that operators have to know: what, of which transaction, and what else is known. */
interface TccAlert {
  type: 'tcc.suspended' | 'tcc.retrying' | 'tcc.conflict';
  /** The same alert again, as after a repeated transaction, is none. */
  key: string;
  businessKey: string;
  detail: Record<string, unknown>;
}

/** Stores alerts in the caller's transaction. @returns what its commit brings */
type RaiseAlerts = (tx: Transaction, alerts: TccAlert[]) => Promise<AfterCommit>;

interface OwnerDeps {
  sql: Sql;
  wake: Waker;
  /** Callback secrets by producer key id. */
  loadSecrets(keyIds: string[]): Promise<Map<string, string[]>>;
  raiseAlerts: RaiseAlerts;
}

/** At this many failed calls of the second phase operators are told. */
const ALARMING_FAILURES = 3;
/** How long a branch that is still at it is left alone, ms. */
const TRY_AGAIN_MS = 2_000;
const SECOND_AGAIN_MS = 5_000;

/**
 * TCC as a protocol on the engine: what a call says, what its answer means, and what follows from
 * its end.
 */
export function tccProtocol({ sql, wake, loadSecrets, raiseAlerts }: OwnerDeps): Protocol {
  return {
    async compose(deliveries) {
      const contents = await findContents(sql, [...new Set(deliveries.map((d) => d.ownerId))]);
      const keyIds = new Set([...contents.values()].map((content) => content.producerKeyId));
      const secretsById = await loadSecrets([...keyIds]);
      const letters: Awaited<ReturnType<Protocol['compose']>> = new Map();
      for (const { id, ownerId, purpose, url } of deliveries) {
        const content = contents.get(ownerId);
        const secrets = content && secretsById.get(content.producerKeyId);
        if (content === undefined || secrets === undefined || url === null) continue;
        // Whatever it would freeze now, nobody would confirm.
        if (purpose === 'try' && !content.isTrying) {
          const reason = 'transaction_decided';
          letters.set(id, { undeliverable: { status: 'cancelled', reason } });
          continue;
        }
        const letter: WebhookRequest = {
          url,
          headers: {},
          protocolHeaders: {
            'postrider-gid': content.gid,
            'postrider-branch': content.branchId,
            'postrider-op': purpose,
          },
          body: content.payload,
          secrets,
          isProducers: true,
          // What a participant obeys is in what is signed: headers beside it could be exchanged in a replay.
          webhookId: `${content.gid}:${content.branchId}:${purpose}`,
        };
        letters.set(id, letter);
      }
      return letters;
    },

    read,

    resend: (delivery, resend) => resendCall(sql, delivery, resend),

    async attempted(tx, attempts) {
      const failed = attempts.filter(isFailedSecondPhase);
      if (failed.length === 0) return undefined;
      await lockTransactions(tx, ownersOf(failed.map(({ delivery }) => delivery)));
      const calls = await noteFailures(
        tx,
        failed.map(({ delivery, entry }) => ({
          id: delivery.ownerId,
          conflict: entry.statusCode === 409,
        })),
      );
      const alerts = calls.flatMap((call): TccAlert[] => {
        const { transactionId, gid, producerKeyId, branchId, businessKey, decision, failures } =
          call;
        const detail = { gid, producer: producerKeyId, branchId, decision, failures };
        const alert = (type: TccAlert['type']): TccAlert => {
          return { type, key: `${type}.${transactionId}.${branchId}`, businessKey, detail };
        };
        return [
          ...(call.firstConflict ? [alert('tcc.conflict')] : []),
          ...(failures === ALARMING_FAILURES ? [alert('tcc.retrying')] : []),
        ];
      });
      return alerts.length === 0 ? undefined : raiseAlerts(tx, alerts);
    },

    async settled(tx, deliveries) {
      await lockTransactions(tx, ownersOf(deliveries));
      const tries = deliveries.filter(({ purpose }) => purpose === 'try');
      const second = deliveries.filter(({ purpose }) => purpose !== 'try');
      const done = second.filter(({ status }) => status === 'delivered');
      const failed = second.filter(({ status }) => status === 'failed');

      const wakes = await afterTries(tx, tries);
      if (done.length > 0) {
        await noteDone(tx, ownersOf(done));
        wakes.push(...(await advance(tx, ownersOf(done))));
      }
      const told = failed.length > 0 ? await suspend(tx, failed, raiseAlerts) : undefined;
      return () => {
        if (wakes.length > 0) void wake(wakes);
        told?.();
      };
    },
  };
}

/** 2xx is a yes, 425 "still at it". A 409 is final for a try alone: what was decided stays decided. */
function read({ purpose }: Claimed, answer: WebhookResponse): Verdict {
  const statusCode = answer.kind === 'response' ? answer.statusCode : null;
  const isTry = purpose === 'try';
  if (statusCode !== null && statusCode >= 200 && statusCode <= 299) return { kind: 'yes' };
  if (statusCode === 409 && isTry) return { kind: 'no', reason: 'refused' };
  if (statusCode === 425) {
    return { kind: 'later', delayMs: isTry ? TRY_AGAIN_MS : SECOND_AGAIN_MS };
  }
  return { kind: 'unknown', retryAfterMs: null };
}

function isFailedSecondPhase({ delivery, entry }: Attempted): boolean {
  return delivery.purpose !== 'try' && entry.outcome !== 'success' && entry.statusCode !== 425;
}

/** All tried: confirm. One that was refused, or that nobody knows of: cancel. */
async function afterTries(tx: Transaction, tries: Settled[]) {
  const ended = tries.flatMap((each) => {
    const status = tryStatusOf(each);
    return status === null ? [] : [{ id: each.ownerId, status }];
  });
  if (ended.length === 0) return [];
  await noteTries(tx, ended);
  const verdicts = await findVerdicts(
    tx,
    ended.map(({ id }) => id),
  );
  const idsOf = (wanted: string) =>
    verdicts.flatMap(({ id, verdict }) => (verdict === wanted ? [id] : []));
  const confirmed = await decide(tx, idsOf('confirm'), { decision: 'confirm' });
  const cancelled = await decide(tx, idsOf('cancel'), {
    decision: 'cancel',
    cause: 'try_failed',
    reason: null,
  });
  return [...confirmed.wakes, ...cancelled.wakes];
}

/** null: it was never made. */
function tryStatusOf({ status, reason }: Settled): TryStatus | null {
  if (status === 'delivered') return 'tried';
  if (status !== 'failed') return null;
  return reason === 'refused' ? 'try_failed' : 'try_unknown';
}

async function suspend(
  tx: Transaction,
  failed: Settled[],
  raiseAlerts: RaiseAlerts,
): Promise<AfterCommit | undefined> {
  const suspended = await suspendTransactions(tx, ownersOf(failed));
  if (suspended.length === 0) return undefined;
  const reason = failed[0]?.reason ?? null;
  return raiseAlerts(
    tx,
    suspended.map(({ transactionId, gid, producerKeyId, branchId, suspendedAt, ...rest }) => ({
      type: 'tcc.suspended',
      key: `tcc.suspended.${transactionId}.${suspendedAt.getTime()}`,
      businessKey: rest.businessKey,
      detail: { gid, producer: producerKeyId, branchId, decision: rest.decision, reason },
    })),
  );
}

function ownersOf(deliveries: { ownerId: string }[]): string[] {
  return [...new Set(deliveries.map(({ ownerId }) => ownerId))];
}
