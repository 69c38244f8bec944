import type { WebhookRequest } from '../../engine/http/send.ts';
import type { AfterCommit, Protocol, Undeliverable } from '../../engine/protocol.ts';
import type { Verdict } from '../../engine/rules/decide.ts';
import type { Claimed } from '../../engine/store/claim.ts';
import type { Settled } from '../../engine/store/settle.ts';
import type { Waker } from '../../engine/timers/wake-queue.ts';
import type { Targets } from '../../features/accounts/signing/destinations.ts';
import type { RaiseAlerts } from '../../features/alerts.ts';
import type { Sql, Transaction } from '../../platform/db/client.ts';
import { tellProducers } from '../notification/callbacks.ts';
import { checkLetter, ROLLED_BACK, readCheck, readSilence } from './check.ts';
import { confirmMessages } from './confirm.ts';
import { resendCheck } from './resend.ts';
import { findCheckContents, findSent } from './store/checks.ts';
import { markCancelled, markSuspended } from './store/decide.ts';

interface MessageOwnerOptions {
  sql: Sql;
  targets: Targets;
  /** Composes what a confirmed message says: it is a notification. */
  notifications: Protocol;
  wake: Waker;
  raiseAlerts: RaiseAlerts;
}

const SECOND = 1000;
const UNDECIDED = ['prepared', 'suspended'] as const;

/** Reliable messages as a protocol on the engine: their check-backs, and what they send. */
export function messageProtocol(options: MessageOwnerOptions): Protocol {
  const { sql, targets, notifications, wake, raiseAlerts } = options;
  /** What composing a delivery found out and reading its answer needs: how long it waits after a 2xx. */
  const patienceMs = new WeakMap<Claimed, number>();

  async function composeChecks(
    deliveries: Claimed[],
  ): Promise<Map<string, WebhookRequest | Undeliverable>> {
    const contents = await findCheckContents(
      sql,
      deliveries.map(({ id }) => id),
    );
    const secrets = await targets.loadCallbackSecrets([
      ...new Set([...contents.values()].map(({ producerKeyId }) => producerKeyId)),
    ]);
    const letters = new Map<string, WebhookRequest | Undeliverable>();
    for (const { id, url } of deliveries) {
      const content = contents.get(id);
      const own = secrets.get(content?.producerKeyId ?? '');
      // None: it was decided so long ago that it is gone, and somebody has sent its check-back again.
      if (content === undefined || content.decided) letters.set(id, NOTHING_TO_ASK);
      else if (own !== undefined && url !== null) letters.set(id, checkLetter(content, url, own));
    }
    return letters;
  }

  async function composeNotifications(deliveries: Claimed[]) {
    const [letters, sent] = await Promise.all([
      notifications.compose(deliveries),
      findSent(
        sql,
        deliveries.map(({ id }) => id),
      ),
    ]);
    for (const delivery of deliveries) {
      const { messageId, awaitSeconds } = sent.get(delivery.id) ?? { awaitSeconds: null };
      if (awaitSeconds !== null) patienceMs.set(delivery, awaitSeconds * SECOND);
      const letter = letters.get(delivery.id);
      if (messageId === undefined || letter === undefined || 'undeliverable' in letter) continue;
      // What its consumer needs to complete it; a raw body says nothing of the message.
      const protocolHeaders = { 'postrider-message': messageId };
      letters.set(delivery.id, { ...letter, protocolHeaders });
    }
    return letters;
  }

  return {
    async compose(deliveries) {
      const checks = deliveries.filter(isCheck);
      const others = deliveries.filter((each) => !isCheck(each));
      const letters = await Promise.all([
        checks.length > 0 ? composeChecks(checks) : [],
        others.length > 0 ? composeNotifications(others) : [],
      ]);
      return new Map(letters.flatMap((each) => [...each]));
    },
    read(delivery, answer, outcome): Verdict | null {
      if (isCheck(delivery)) return readCheck(answer, delivery.attemptCount);
      const patience = patienceMs.get(delivery);
      return outcome === 'success' && patience !== undefined
        ? { kind: 'heard', patienceMs: patience }
        : null;
    },
    readLost: (delivery) =>
      isCheck(delivery)
        ? readSilence(delivery.attemptCount)
        : { kind: 'unknown', retryAfterMs: null },
    resend: (delivery, resend) =>
      isCheck(delivery) ? resendCheck(sql, delivery, resend) : resend(),
    async settled(tx, deliveries): Promise<AfterCommit | undefined> {
      const checks = deliveries.filter(isCheck);
      const ended = deliveries.filter((each) => !isCheck(each)).map(({ id }) => id);
      const told = await tellProducers(tx, ended);
      if (checks.length === 0) return told.length === 0 ? undefined : () => void wake(told);
      const by = { by: 'check', reason: null } as const;
      const { wakes } = await confirmMessages(tx, committedIn(checks), UNDECIDED, by);
      await markCancelled(tx, rolledBackIn(checks), UNDECIDED, by);
      const alert = await suspend(tx, checks, raiseAlerts);
      return () => {
        void wake([...wakes, ...told]);
        alert?.();
      };
    },
  };
}

const NOTHING_TO_ASK: Undeliverable = {
  undeliverable: { status: 'cancelled', reason: 'cancelled_by_request' },
};

function isCheck({ purpose }: Pick<Claimed, 'purpose'>): boolean {
  return purpose === 'check';
}

function committedIn(checks: Settled[]): string[] {
  return checks.filter(({ status }) => status === 'delivered').map(({ ownerId }) => ownerId);
}

function rolledBackIn(checks: Settled[]): string[] {
  return checks.filter(({ reason }) => reason === ROLLED_BACK).map(({ ownerId }) => ownerId);
}

/** The ladder or the day is over, and nobody knows: that is for people to decide. */
async function suspend(
  tx: Transaction,
  checks: Settled[],
  raiseAlerts: RaiseAlerts,
): Promise<AfterCommit | undefined> {
  const spent = checks.filter(
    ({ status, reason }) => status === 'failed' && reason !== ROLLED_BACK,
  );
  const suspended = await markSuspended(
    tx,
    spent.map(({ ownerId }) => ownerId),
  );
  if (suspended.length === 0) return undefined;
  const alerts = suspended.map(({ id, messageId, businessKey, suspendedAt }) => ({
    type: 'message.suspended',
    // Parked once more after a recheck, it is told once more.
    key: `message.suspended ${id} ${suspendedAt.toISOString()}`,
    businessKey,
    detail: { messageId, suspendedAt: suspendedAt.toISOString() },
  }));
  return raiseAlerts(tx, alerts);
}
