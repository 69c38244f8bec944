import type { AuditState, Principal } from '../../api/route.ts';
import { scopeOf } from '../../api/scope.ts';
import type { Sql } from '../../platform/db/client.ts';
import { findDelivery } from './store/deliveries.ts';
import { findNotification } from './store/find.ts';

interface Asking {
  principal: Principal;
}

/** A notification as the audit log keeps it: how far it has come. */
export function lookAtNotification(sql: Sql) {
  return async ({ principal }: Asking, id: string): Promise<AuditState | null> => {
    const found = await findNotification(sql, scopeOf(principal), id);
    if (found === null) return null;
    const deliveries = found.deliveries.map(({ id, status, reason }) => ({ id, status, reason }));
    return { merchantId: found.merchantId, state: { status: found.status, deliveries } };
  };
}

/** A delivery as the audit log keeps it. */
export function lookAtDelivery(sql: Sql) {
  return async ({ principal }: Asking, id: string): Promise<AuditState | null> => {
    const found = await findDelivery(sql, scopeOf(principal), id);
    if (found === null) return null;
    const { status, reason, cycle, attemptCount, notificationId } = found;
    const state = { status, reason, cycle, attemptCount, notificationId };
    return { merchantId: found.merchantId, state };
  };
}
