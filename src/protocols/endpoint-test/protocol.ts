import { notFound, Problem } from '../../api/problem.ts';
import type { DeliveryCommands } from '../../engine/commands.ts';
import type { WebhookRequest } from '../../engine/http/send.ts';
import type { Protocol } from '../../engine/protocol.ts';
import type { TestResult } from '../../features/accounts/endpoints/contract.ts';
import { findEndpoint } from '../../features/accounts/endpoints/store.ts';
import { inItsFormat, type Targets } from '../../features/accounts/signing/destinations.ts';
import type { Database } from '../../platform/db/client.ts';
import { newId } from '../../platform/ids.ts';
import { findPingRefusal, type PingRefusal } from './store-gate.ts';

const TYPE = 'endpoint.test';
const HOUR_MS = 3_600_000;

/** A test of an endpoint is a protocol of its own: one delivery, one attempt, and no business event. */
export function endpointTestProtocol({ loadEndpointTargets }: Targets): Protocol {
  return {
    async resend() {
      throw new Problem(
        409,
        'nothing_to_resend',
        'A test is one attempt. Test the endpoint again.',
      );
    },
    async compose(deliveries) {
      const targets = await loadEndpointTargets(
        deliveries.flatMap((each) => each.endpointId ?? []),
      );
      return new Map(
        deliveries.flatMap(({ id, ownerId, endpointId, leasedAtMs }) => {
          const target = targets.get(endpointId ?? '');
          if (target === undefined) return [];
          const { url, headers, secrets } = target;
          const timestamp = new Date(leasedAtMs).toISOString();
          const data = { endpointId };
          const envelope = { id: ownerId, type: TYPE, timestamp, data };
          const body = JSON.stringify(target.body === 'raw' ? data : envelope);
          const letter: WebhookRequest = { url, headers, body, secrets, webhookId: ownerId };
          return [[id, inItsFormat(letter, target, JSON.stringify(envelope), leasedAtMs)]];
        }),
      );
    },
  };
}

/** @throws Problem 404 when the endpoint is gone; 409 and 429 where it may not be tested now */
export async function testEndpoint(
  { prisma }: Database,
  attemptOnce: DeliveryCommands['attemptOnce'],
  endpointId: string,
): Promise<TestResult> {
  const endpoint = await findEndpoint(prisma, endpointId, null);
  if (endpoint === null) throw notFound('endpoint');
  const delivery = {
    id: newId('dlv'),
    ownerKind: 'ping',
    ownerId: newId('ntf'),
    purpose: 'test',
    merchantId: endpoint.merchantId,
    type: TYPE,
    businessKey: endpointId,
    queue: endpoint.queue ?? 'default',
    receiverId: endpointId,
    endpointId,
    url: null,
    delayMs: 0,
    deadlineMs: HOUR_MS,
  };
  const entry = await attemptOnce(delivery, async (tx, maxInFlight) => {
    const refusal = await findPingRefusal(tx, endpointId, maxInFlight);
    if (refusal !== null) throw refused(refusal);
  });
  // Nothing was sent: its secret cannot be opened, or the gateway is about to stop.
  if (entry === null) {
    return {
      outcome: 'unknown',
      statusCode: null,
      durationMs: null,
      responseExcerpt: null,
      error: 'The attempt could not be made.',
      remoteAddress: null,
    };
  }
  const { outcome, statusCode, durationMs, responseExcerpt, error, remoteAddress } = entry;
  return { outcome, statusCode, durationMs, responseExcerpt, error, remoteAddress };
}

function refused(refusal: PingRefusal): Problem {
  const later = (seconds: number) => ({ headers: { 'retry-after': String(seconds) } });
  switch (refusal) {
    case 'paused':
      return new Problem(409, 'endpoint_paused', 'The endpoint is paused. Resume it first.');
    case 'testing':
      return new Problem(409, 'endpoint_busy', 'A test of it is under way.', later(1));
    case 'busy':
      return new Problem(409, 'endpoint_busy', 'It has as many attempts as it may have.', later(1));
    case 'too_many':
      return new Problem(
        429,
        'too_many_tests',
        'It was tested often enough this minute.',
        later(30),
      );
  }
}
