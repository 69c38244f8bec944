import { Problem } from '../../api/problem.ts';
import { ALERT_INBOX } from '../../features/accounts/endpoints/alert-inbox.ts';
import type { Sql } from '../../platform/db/client.ts';
import { newId } from '../../platform/ids.ts';
import { fanOut, UNCHECKED } from './fan-out.ts';
import { noteForOperators } from './operational/store.ts';
import { insertNotifications } from './store/insert.ts';
import { loadIntakeContext } from './store/subscribers.ts';

/** An event of the gateway's own, for the people who run it. */
interface Announcement {
  type: string;
  /** The same again is not announced again. */
  key: string;
  businessKey: string;
  detail: Record<string, unknown>;
}

/** What goes to operators goes through it, where there is one. */
export const OPERATORS_QUEUE = 'alerts';
const GATEWAY = { keyId: 'gateway', role: 'operator', name: 'gateway', merchantId: null } as const;

/**
 * Stores the gateway's own events as notifications of type `alert.…` to the operators' own endpoints, in
 * the caller's transaction, and notes them for those that ask for operational events. Where none was ever registered nothing is stored. The sweep wakes them: seconds
 * don't matter here, and nothing must be woken before the commit.
 */
export async function announce(sql: Sql, announcements: readonly Announcement[]): Promise<void> {
  for (const { type, detail } of announcements) await noteForOperators(sql, type, detail);
  const audience = await loadIntakeContext(sql, [ALERT_INBOX], []);
  if (!audience.merchants.has(ALERT_INBOX)) return;
  const planned = announcements.map(({ type, key, businessKey, detail }) => {
    const input = {
      merchantId: ALERT_INBOX,
      type: `alert.${type}`,
      businessKey,
      eventId: key.slice(-128),
      payload: detail,
      queue: audience.lanes.has(OPERATORS_QUEUE) ? OPERATORS_QUEUE : null,
    };
    const payloadText = JSON.stringify(detail);
    const offer = { input, payloadText, principal: GATEWAY, id: newId('ntf') };
    return fanOut(offer, audience, UNCHECKED);
  });
  const rows = planned.flatMap((each) => (each instanceof Problem ? [] : [each.row]));
  await insertNotifications(sql, rows);
}
