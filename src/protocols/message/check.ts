import type { SettleReason } from '../../engine/delivery.ts';
import type { WebhookRequest, WebhookResponse } from '../../engine/http/send.ts';
import { PROTOCOL_QUEUES } from '../../engine/protocol-queues.ts';
import { originReceiver } from '../../engine/receiver-id.ts';
import type { Verdict } from '../../engine/rules/decide.ts';
import type { NewDelivery } from '../../engine/store/create.ts';
import { newId } from '../../platform/ids.ts';

const SECOND = 1000;
const DAY_MS = 86_400 * SECOND;

/** The rules that the migration lays down for check-backs. */
const RULES = { queue: PROTOCOL_QUEUES.messageCheck, policyVersion: 1 };
const FIRST_STEP_MS = 10 * SECOND;
const LONGEST_STEP_MS = 300 * SECOND;
const STILL_WORKING_MS = 5 * SECOND;

/** Of a check that heard a definite no: why its delivery failed. */
export const ROLLED_BACK = 'rolled_back' satisfies SettleReason;

/** A message as its check-back names it. */
export interface Asked {
  messageId: string;
  businessKey: string;
  /** Checks made before this one. */
  before: number;
}

/** The delivery that asks back. It belongs to no merchant, so none sees it. */
export function checkDelivery(message: {
  id: string;
  businessKey: string;
  producerKeyId: string;
  checkUrl: string;
  checkAfterSeconds: number;
}): NewDelivery {
  return {
    id: newId('dlv'),
    ownerKind: 'message',
    ownerId: message.id,
    purpose: 'check',
    merchantId: null,
    type: 'message.check',
    businessKey: message.businessKey,
    ...RULES,
    receiverId: originReceiver(message.producerKeyId, message.checkUrl),
    endpointId: null,
    url: message.checkUrl,
    delayMs: message.checkAfterSeconds * SECOND,
    deadlineMs: DAY_MS,
  };
}

export function checkLetter(
  { messageId, businessKey, before }: Asked,
  url: string,
  secrets: string[],
): WebhookRequest {
  const body = JSON.stringify({ messageId, businessKey, checkNumber: before + 1 });
  return { url, headers: {}, body, secrets, webhookId: messageId, isProducers: true };
}

/**
 * What a check-back was answered. The ladder's rungs count the answers that decide nothing; a check
 * that got no answer at all leaves the rung where it is.
 *
 * @param before checks made in this cycle before this one
 */
export function readCheck(answer: WebhookResponse, before: number): Verdict {
  if (answer.kind === 'failure') return readSilence(before);
  if (answer.statusCode === 409) return { kind: 'no', reason: ROLLED_BACK };
  if (answer.statusCode === 425) return { kind: 'later', delayMs: STILL_WORKING_MS };
  const status =
    answer.statusCode >= 200 && answer.statusCode <= 299 ? statusIn(answer.body) : null;
  if (status === 'committed') return { kind: 'yes' };
  if (status === 'rolled_back') return { kind: 'no', reason: ROLLED_BACK };
  if (answer.cutOff !== null) return readSilence(before);
  // Unanswered checks in between have used no rung; the pauses go on growing all the same.
  return { kind: 'unknown', retryAfterMs: Math.max(stepMs(before), answer.retryAfterMs ?? 0) };
}

/** No answer, not all of one, or none that anybody knows of. */
export function readSilence(before: number): Verdict {
  return { kind: 'later', delayMs: stepMs(before) };
}

function stepMs(before: number): number {
  return Math.min(LONGEST_STEP_MS, FIRST_STEP_MS * 2 ** before);
}

function statusIn(body: string): unknown {
  try {
    const said: unknown = JSON.parse(body);
    return typeof said === 'object' && said !== null && Object.hasOwn(said, 'status')
      ? (said as { status: unknown }).status
      : null;
  } catch {
    return null;
  }
}
