import type { Logger } from 'pino';
import { Problem } from '../../../api/problem.ts';
import { ALERT_INBOX } from '../../../features/accounts/endpoints/alert-inbox.ts';
import {
  EVENT_TYPES,
  type EventTypeName,
  isEventType,
  isSummed,
  MOST_ITEMS,
} from '../../../features/event-types/catalogue.ts';
import { letsThrough } from '../../../features/event-types/filter.ts';
import { EVENTS_SENDER } from '../../../features/event-types/sender.ts';
import type { Database, Transaction } from '../../../platform/db/client.ts';
import { newId } from '../../../platform/ids.ts';
import { type Repeated, repeat } from '../../../platform/time/periodic.ts';
import { fanOut, UNCHECKED } from '../fan-out.ts';
import { OPERATORS_QUEUE } from '../operator-alerts.ts';
import { insertNotifications, type NewNotification } from '../store/insert.ts';
import { type IntakeContext, loadIntakeContext } from '../store/subscribers.ts';
import { type Facts, findSubscribers, mayTell, takeFacts } from './store.ts';

const SECOND = 1000;
const ROUND_EVERY_MS = SECOND;

/** In the words of the index that leaves these notifications out of statements. */
const GATEWAY = {
  keyId: EVENTS_SENDER,
  role: 'operator',
  name: 'gateway',
  merchantId: null,
} as const;

/** Tells facts as they come. Every worker looks; of several one tells. */
export function startTelling({ prisma }: Database, log: Pick<Logger, 'error'>): Repeated {
  return repeat(
    ROUND_EVERY_MS,
    async () => {
      await tellFacts(prisma);
    },
    (error) => log.error({ err: error }, 'telling operational events failed'),
  );
}

/**
 * Makes notifications of facts, and removes those, in one transaction: whatever happens to this process, each fact is
 * told once. The sweep wakes what it makes.
 *
 * @returns how many notifications there were
 */
export function tellFacts(prisma: Database['prisma']): Promise<number> {
  return prisma.$transaction(async (tx) => {
    if (!(await mayTell(tx))) return 0;
    const facts = await takeFacts(tx, MOST_ITEMS);
    if (facts.length === 0) return 0;
    return tell(tx, facts);
  });
}

async function tell(tx: Transaction, facts: Facts[]): Promise<number> {
  const merchantIds = [...new Set([ALERT_INBOX, ...facts.map(({ merchantId }) => merchantId)])];
  // One after the other: they share the transaction's one connection.
  const { endpoints: _business, ...rest } = await loadIntakeContext(tx, merchantIds, []);
  const endpoints = await findSubscribers(tx, merchantIds);
  const audience = { ...rest, endpoints };
  const rows = facts.flatMap((each) =>
    isEventType(each.type)
      ? hearersOf(each.type, each.merchantId, audience).flatMap((to) =>
          notificationOf(each, each.type as EventTypeName, to, audience),
        )
      : [],
  );
  if (rows.length > 0) await insertNotifications(tx, rows);
  return rows.length;
}

/** The merchant itself and the operators, where they have an endpoint that asks for it. */
function hearersOf(
  type: EventTypeName,
  merchantId: string,
  { endpoints }: IntakeContext,
): string[] {
  const isForMerchants = EVENT_TYPES[type].audience === 'merchants';
  const hearers = new Set(isForMerchants ? [merchantId, ALERT_INBOX] : [ALERT_INBOX]);
  return [...hearers].filter((hearer) =>
    endpoints.some((each) => each.merchantId === hearer && letsThrough(each.types, type)),
  );
}

function notificationOf(
  facts: Facts,
  type: EventTypeName,
  to: string,
  audience: IntakeContext,
): NewNotification[] {
  const data = dataOf(facts, type);
  const isOperators = to === ALERT_INBOX;
  const input = {
    merchantId: to,
    type,
    businessKey: businessKeyOf(facts),
    occurredAt: facts.at.toISOString(),
    payload: data,
    queue: isOperators && audience.lanes.has(OPERATORS_QUEUE) ? OPERATORS_QUEUE : null,
  };
  const payloadText = JSON.stringify(data);
  const planned = fanOut(
    { input, payloadText, principal: GATEWAY, id: newId('ntf') },
    audience,
    UNCHECKED,
  );
  return planned instanceof Problem ? [] : [planned.row];
}

/** What the facts are about; many at once are about the merchant. A subject may go on after its id. */
function businessKeyOf({ subject, merchantId }: Facts): string {
  return subject.split(' ')[0] || merchantId;
}

/** As the catalogue says. */
function dataOf({ merchantId, count, first, last }: Facts, type: EventTypeName) {
  const { shape } = EVENT_TYPES[type].data;
  return {
    ...('merchantId' in shape && { merchantId }),
    ...(isSummed(type) ? { items: first } : last),
    ...('count' in shape && { count }),
  };
}
