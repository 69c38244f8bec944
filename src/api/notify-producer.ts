import { z } from 'zod';

/** How a delivery may end, as its producer is told of it. */
export const ENDS = ['delivered', 'failed', 'acknowledged'] as const;
export type End = (typeof ENDS)[number];

/** Whom to tell of the ends of deliveries, and of which. */
export const notifyProducer = z
  .strictObject({
    url: z.string().min(1).max(2048),
    on: z
      .array(z.enum(ENDS))
      .min(1)
      .max(ENDS.length)
      .refine((on) => new Set(on).size === on.length, 'Each of them once.')
      .default([...ENDS])
      .describe('`failed` is every end without an arrival, a cancellation included.'),
  })
  .describe(
    'Calls the producer when a delivery ends: `POST` of `{"type": "notification.delivered" | ' +
      '"notification.failed" | "notification.acknowledged", "timestamp", "data"}`, signed with the ' +
      '`callbackSecret` of the producer’s key.',
  );
export type NotifyProducer = z.output<typeof notifyProducer>;
