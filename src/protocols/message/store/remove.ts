import { endedBefore, lockEnded, REMOVAL, removeDeliveries } from '../../../engine/store/remove.ts';
import {
  type Place,
  placeAfter,
  type Removal,
  removeAlong,
} from '../../../platform/db/batch-delete.ts';
import { type Database, Prisma } from '../../../platform/db/client.ts';

const CHECK = Prisma.sql`d.purpose = 'check'`;

/**
 * Removes messages that were cancelled before, and the check-backs of these and of messages that went
 * with their notifications. It goes along the check-backs: every message has one.
 */
export function removeEndedMessages({ prisma }: Database, before: Date, limit: number): Removal {
  const isOld = Prisma.sql`m.status = 'cancelled' AND m.decided_at < ${before}`;
  return removeAlong((after) =>
    prisma.$transaction(async (tx) => {
      // Not EXISTS: the planner might hash all messages. None at all is neither true nor false.
      const checks = await tx.$queryRaw<(Place & { messageId: string })[]>`
        SELECT d.id, d.settled_at AS at, d.owner_id AS "messageId" FROM delivery AS d
         WHERE ${CHECK} AND ${endedBefore(before)}
           AND (d.settled_at, d.id) > (${after.at}, ${after.id})
           AND (SELECT ${isOld} FROM message AS m WHERE m.id = d.owner_id) IS NOT FALSE
         ORDER BY d.settled_at, d.id LIMIT ${limit}`;
      const messageIds = [...new Set(checks.map(({ messageId }) => messageId))];
      const ended = await lockEnded(tx, messageIds, CHECK, before);
      const removed = await removeDeliveries(tx, [...ended.values()].flat());
      await tx.$executeRaw`
        DELETE FROM message AS m WHERE m.id = ANY (${[...ended.keys()]}) AND ${isOld}`;
      return { removed, next: placeAfter(checks, limit) };
    }, REMOVAL),
  );
}
