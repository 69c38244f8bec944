import { Agent, request } from 'undici';
import type { Caller, Target } from '../load/scripts.ts';

/** Shared by all callers of one process, as a sender's pool is. */
let agent: Agent | undefined;
let users = 0;

const BODY = JSON.stringify({
  id: 'ntf_01m81swkggesnbwkwy47zvky40',
  type: 'payment.succeeded',
  timestamp: '2026-11-22T08:00:00.000Z',
  businessKey: 'ORDER-1',
  result: { status: 'SUCCESS', version: 1, amount: '100.00', currency: 'CNY' },
  data: { order: 1, note: 'x'.repeat(200) },
});

/** The limit of delivery: undici posting to the receiver, with no claim, no signature, no record. */
export async function bareLoop(target: Target): Promise<Caller> {
  agent ??= new Agent({ connections: null });
  users += 1;
  const dispatcher = agent;
  return {
    async call() {
      const { statusCode, body } = await request(target.url, {
        method: 'POST',
        dispatcher,
        headers: { 'content-type': 'application/json' },
        body: BODY,
      });
      await body.dump();
      return { units: statusCode === 200 ? 1 : 0 };
    },
    async close() {
      users -= 1;
      if (users > 0) return;
      agent = undefined;
      await dispatcher.destroy();
    },
  };
}
