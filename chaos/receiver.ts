import { type Receiver, startReceiver } from '../test/support/receiver.ts';
import type { Arrival } from './invariants.ts';
import { fateOf } from './random.ts';

/** How the receiver behaves. */
export interface Temper {
  /** Share of first and second attempts that it refuses: 0.1. */
  refusals?: number;
  /** The longest it takes to answer: 40 ms. */
  slowMs?: number;
  /** Whether it remembers whole requests, for those who wait for them: true. */
  keeps?: boolean;
}

/**
 * A receiver that writes down all it is sent. How it answers hangs on the seed, the event's number and
 * the attempt's, and not on the order of arrival.
 */
export async function startTemperedReceiver(
  seed: number,
  { refusals = 0.1, slowMs = 40, keeps = true }: Temper,
): Promise<{ receiver: Receiver; arrivals: Arrival[] }> {
  const receiver = await startReceiver({ keeps });
  const arrivals: Arrival[] = [];
  receiver.answer(({ at, headers, body }) => {
    const n = JSON.parse(body).data.n as number;
    const number = Number(headers['postrider-attempt']);
    const fate = (what: string) => fateOf(`${seed} ${what} ${n} ${number}`);
    const status = number <= 2 && fate('refused') < refusals ? 500 : 200;
    arrivals.push({
      at,
      deliveryId: String(headers['postrider-delivery']),
      cycle: Number(headers['postrider-cycle']),
      number,
      webhookId: String(headers['webhook-id']),
      stampS: Number(headers['webhook-timestamp']),
      status,
    });
    return { status, delayMs: slowMs * fate('slow') };
  });
  return { receiver, arrivals };
}
