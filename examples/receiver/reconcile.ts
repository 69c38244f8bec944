import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayClient } from './gateway.ts';
import type { Ledger } from './ledger.ts';

const POLL_MS = 200;
const MOST_POLLS = 300;

export interface Reconciliation {
  id: string;
  matched: number;
  differences: Record<string, number>;
}

/**
 * Hands in this receiver's own list of a day and has the gateway compare it with its statement; what
 * the gateway has and this receiver has not is asked for once more.
 *
 * @param date yyyy-mm-dd, a day that is over
 */
export async function reconcile(
  gateway: GatewayClient,
  ledger: Ledger,
  date: string,
): Promise<Reconciliation> {
  const records = [...ledger.payments()]
    .filter(([, payment]) => payment.occurredAt.startsWith(date))
    .map(([businessKey, { status, amount = null, currency = null }]) => ({
      businessKey,
      status,
      amount,
      currency,
    }));
  const { id } = await gateway.post('/v1/reconciliations', { date, records });
  for (let poll = 0; poll < MOST_POLLS; poll += 1) {
    const run = await gateway.get(`/v1/reconciliations/${id}`);
    if (run.status === 'completed') {
      if (run.differences.gateway_only > 0) {
        await gateway.post(`/v1/reconciliations/${id}/resend-missing`, {});
      }
      return { id, matched: run.matched, differences: run.differences };
    }
    if (run.status === 'failed') throw new Error(`reconciliation ${id} failed`);
    await sleep(POLL_MS);
  }
  throw new Error(`reconciliation ${id} did not end in time`);
}
