import { z } from 'zod';
import { businessKey } from '../../api/business-key.ts';
import {
  ATTEMPT_OUTCOMES,
  DELIVERY_STATUSES,
  SHOWN_REASONS,
  TRIGGERS,
} from '../../engine/delivery.ts';
import { examples } from './examples.ts';

/** Goes into a header and a path, and a participant's database: plain characters only. */
export const plainId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, {
  error: 'Use 1–64 of the characters A–Z, a–z, 0–9, _ and -.',
});

export const MOST_BRANCHES = 50;
const DAY_SECONDS = 86_400;
export const url = z.string().min(1).max(2048);

export const branchInput = z.strictObject({
  branchId: plainId,
  tryUrl: url.nullish(),
  confirmUrl: url,
  cancelUrl: url,
  payload: z.record(z.string(), z.unknown()),
});
export type BranchInput = z.output<typeof branchInput>;

export const transactionInput = z
  .strictObject({
    gid: plainId.optional(),
    businessKey,
    timeoutSeconds: z.number().int().min(1).max(DAY_SECONDS).default(60),
    mode: z.enum(['managed', 'initiator']),
    branches: z.array(branchInput).max(MOST_BRANCHES).default([]),
  })
  .superRefine(({ mode, branches }, context) => {
    const fault = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    if (mode === 'managed' && branches.length === 0) {
      fault(['branches'], 'A managed transaction names its branches.');
    }
    for (const [index, branch] of branches.entries()) {
      if (mode === 'managed' && branch.tryUrl == null) {
        fault(['branches', index, 'tryUrl'], 'A managed transaction calls it.');
      }
      if (branches.findIndex((other) => other.branchId === branch.branchId) < index) {
        fault(['branches', index, 'branchId'], 'Two branches have this id.');
      }
    }
  });
export type TransactionInput = z.output<typeof transactionInput>;

export const transactionStatus = z.enum([
  'trying',
  'confirming',
  'confirmed',
  'cancelling',
  'cancelled',
  'suspended',
]);

const call = z.object({
  op: z.enum(['try', 'confirm', 'cancel']),
  deliveryId: z.string(),
  status: z.enum(DELIVERY_STATUSES),
  reason: z.enum(SHOWN_REASONS).nullable(),
  cycle: z.number().int(),
  attemptCount: z.number().int(),
  nextAttemptAt: z.string().nullable(),
  deadlineAt: z.string(),
  attempts: z
    .array(
      z.object({
        number: z.number().int(),
        cycle: z.number().int(),
        trigger: z.enum(TRIGGERS),
        startedAt: z.string(),
        durationMs: z.number().int().nullable(),
        outcome: z.enum(ATTEMPT_OUTCOMES),
        statusCode: z.number().int().nullable(),
        responseExcerpt: z.string().nullable(),
        error: z.string().nullable(),
      }),
    )
    .describe('The newest twenty, oldest first.'),
});

export const transactionView = z.object({
  gid: z.string().describe('Unique among those of one producer.'),
  producer: z.string().describe('The key that began it.'),
  businessKey: z.string(),
  mode: z.enum(['managed', 'initiator']),
  status: transactionStatus,
  decision: z.enum(['confirm', 'cancel']).nullable(),
  cause: z
    .enum(['requested', 'try_failed', 'timed_out'])
    .nullable()
    .describe('Why it was cancelled.'),
  reason: z.string().nullable().describe('What was said to a requested cancel.'),
  timeoutSeconds: z.number().int(),
  createdAt: z.string(),
  timeoutAt: z.string(),
  decidedAt: z.string().nullable(),
  suspendedAt: z.string().nullable(),
  finishedAt: z.string().nullable(),
  branches: z.array(
    z.object({
      branchId: z.string(),
      status: z.enum([
        'registered',
        'tried',
        'try_failed',
        'try_unknown',
        'confirmed',
        'cancelled',
      ]),
      tryUrl: z.string().nullable(),
      confirmUrl: z.string(),
      cancelUrl: z.string(),
      payload: z.record(z.string(), z.unknown()),
      failures: z.number().int().describe('Calls of the second phase that failed.'),
      resolvedReason: z.string().nullable(),
      registeredAt: z.string(),
      finishedAt: z.string().nullable(),
      calls: z.array(call),
    }),
  ),
});
export type TransactionView = z.output<typeof transactionView>;

// What /docs shows of them.
z.globalRegistry.add(branchInput, { id: 'Branch', examples: [examples.branch] });
z.globalRegistry.add(transactionInput, { id: 'Transaction', examples: [examples.input] });
z.globalRegistry.add(transactionView, { id: 'Transaction', examples: [examples.view] });
