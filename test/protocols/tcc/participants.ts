import type { Api } from '../../support/api.ts';
import type { TestDatabase } from '../../support/database.ts';
import type { Receiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

/** A branch whose three calls go to paths of their own at this receiver. */
export function branch(receiver: Receiver, branchId: string, payload: object = { branchId }) {
  return {
    branchId,
    tryUrl: receiver.url(`/${branchId}/try`),
    confirmUrl: receiver.url(`/${branchId}/confirm`),
    cancelUrl: receiver.url(`/${branchId}/cancel`),
    payload,
  };
}

/** The paths called so far, in their order. */
export function calls(receiver: Receiver): string[] {
  return receiver.requests.map(({ path }) => path);
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by the tests themselves
export type View = any;

export async function view(api: Api, gid: string): Promise<View> {
  return (await api.get(`/v1/transactions/${gid}`).expect(200)).body;
}

/** Waits until the transaction is in that state. */
export function becomes(api: Api, gid: string, status: string, timeoutMs?: number): Promise<View> {
  return until(
    async () => {
      const transaction = await view(api, gid);
      return transaction.status === status ? transaction : null;
    },
    { what: `transaction ${status}`, ...(timeoutMs !== undefined && { timeoutMs }) },
  );
}

/** Lets the pause after the n-th attempt at a call pass, as soon as that attempt is on record. */
export async function passPause(
  { api, db, gid }: { api: Api; db: TestDatabase; gid: string },
  { op, attempts, ms }: { op: string; attempts: number; ms: number },
): Promise<void> {
  await until(
    async () => {
      const { branches } = await view(api, gid);
      const made = branches[0].calls.find((each: View) => each.op === op)?.attempts ?? [];
      return made.length >= attempts;
    },
    { what: `attempt ${attempts} at ${op}` },
  );
  await db.travel(ms);
}
