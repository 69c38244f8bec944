import type { z } from 'zod';
import type { Tag } from './key-scope.ts';

/** What an answer makes the gateway do. */
export interface WebhookAnswer {
  description: string;
  /** What is looked for in its body; absent: nothing is. */
  body?: z.ZodType;
}

/**
 * One kind of call that the gateway makes, as data: the HTTP layer writes it into the OpenAPI document, under
 * `webhooks`. Whoever makes the call exports it.
 */
export interface Webhook {
  /** Its key in the document, and its operation's id. */
  name: string;
  tag: Tag;
  summary: string;
  /** When it comes, whose secret signs it, how often it is repeated. */
  description: string;
  /**
   * Headers that have a form or a meaning of their own, an object's members by their names: `webhook-id` always,
   * and what the protocol adds. Those that are alike in all calls are documented by the HTTP layer.
   */
  headers: z.ZodObject<{ 'webhook-id': z.ZodType } & z.ZodRawShape>;
  body: z.ZodType;
  /** By status: `200`, a class such as `2XX`, or `default`. */
  answers: Record<string, WebhookAnswer>;
}

/** Of whoever receives notifications: what a queue's success rule and the ladder make of an answer. */
export const RECEIVER_ANSWERS: Webhook['answers'] = {
  '2XX': {
    description:
      'Delivered. Where the queue’s `success` asks for a body, only with that body; else it is repeated.',
  },
  410: {
    description:
      'Gone: never repeated, and the endpoint is disabled until somebody resumes it (`disabledReason: gone`).',
  },
  429: {
    description:
      'Repeated, and not before `Retry-After` says. It never shortens the ladder’s delay.',
  },
  503: { description: 'As 429.' },
  default: {
    description:
      'Repeated down the queue’s ladder until its last rung or its deadline: every other status, redirects, no answer within `timeoutMs`, and no connection.',
  },
};
