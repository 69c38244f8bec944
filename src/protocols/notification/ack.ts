import type { Scope } from '../../api/scope.ts';
import type { DeliveryCommands } from '../../engine/commands.ts';
import { OPEN_STATUSES } from '../../engine/delivery.ts';
import type { Sql } from '../../platform/db/client.ts';
import type { Notification } from './contract.ts';
import { findNotifications, findVisible } from './store/find.ts';

/** Delivered stays delivered, and what was called off stays so; also an attempt under way is overtaken. */

/**
 * The merchant has got these by itself: their ladders end. An attempt that is under way is still
 * logged, but what comes of it changes nothing any more. Again: the same.
 *
 * @returns those that the caller may see, as they are now
 */
export async function acknowledge(
  sql: Sql,
  commands: DeliveryCommands,
  scope: Scope,
  ids: string[],
): Promise<Map<string, Notification>> {
  const own = await findVisible(sql, scope, ids);
  if (own.length === 0) return new Map();
  await commands.settleOwners(own, OPEN_STATUSES, {
    status: 'acknowledged',
    reason: 'confirmed_by_pull',
  });
  return findNotifications(sql, own, scope.producerKeyId);
}
