import { Prisma } from '../../platform/db/client.ts';

/**
 * Why a delivery is as it is, from `delivery AS d`: its reason, or while it waits longer than its due time says,
 * what holds it.
 */
export const SHOWN_REASON = Prisma.sql`
  shown_reason(d.status, d.reason, d.receiver_id, d.due_at, d.deadline_at)`;
