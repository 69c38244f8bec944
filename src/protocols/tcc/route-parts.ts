import { z } from 'zod';
import { notFound } from '../../api/problem.ts';
import { jsonText, type Principal, type Reply } from '../../api/route.ts';
import type { Sql } from '../../platform/db/client.ts';
import { printWith } from '../../platform/json/text.ts';
import { plainId, type TransactionView } from './contract.ts';
import { examples } from './examples.ts';
import { findStates, findTransaction, type Scope, type TransactionRow } from './store/find.ts';

const gid = plainId.meta({ examples: [examples.input.gid] });
export const byGid = z.strictObject({ gid });
const branchId = plainId.meta({ examples: [examples.branch.branchId] });
export const byBranch = z.strictObject({ gid, branchId });
export const reason = z.string().min(1).max(500);
export const whose = z.strictObject({
  producer: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('The key of the producer, where several have this gid: for operators.'),
});

/** A transaction as the audit log keeps it. It is the producer's, no merchant's. */
export function lookAtTransaction(sql: Sql) {
  return async (
    { principal, query }: { principal: Principal; query: z.output<typeof whose> },
    gid: string,
  ) => {
    const [found, another] = await findStates(sql, scopeOf(principal, query), gid);
    if (found === undefined || another !== undefined) return null;
    return { merchantId: null, state: { ...found } };
  };
}

/** @throws Problem 404 where a producer asks for somebody else's */
export function scopeOf({ role, keyId }: Principal, { producer }: z.output<typeof whose>): Scope {
  if (role === 'operator') return producer ?? null;
  if (producer !== undefined && producer !== keyId) throw notFound('transaction');
  return keyId;
}

/** Payloads are shown as they were written. */
export function replyWith(status: number, body: object): Reply {
  return { status, ...jsonText(printWith(body, 'payload')) };
}

/** A transaction whose payloads are still text. */
export type Shown = Omit<TransactionView, 'branches'> & Pick<TransactionRow, 'branches'>;

export async function viewOf(sql: Sql, id: string): Promise<Shown> {
  const row = await findTransaction(sql, id);
  if (row === null) throw notFound('transaction');
  return toView(row);
}

export function toView({ id: _id, fingerprint: _print, ...row }: TransactionRow): Shown {
  return {
    ...row,
    createdAt: row.createdAt.toISOString(),
    timeoutAt: row.timeoutAt.toISOString(),
    decidedAt: row.decidedAt?.toISOString() ?? null,
    suspendedAt: row.suspendedAt?.toISOString() ?? null,
    finishedAt: row.finishedAt?.toISOString() ?? null,
  };
}
