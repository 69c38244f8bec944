import { z } from 'zod';

const time = z.iso.datetime();

/** What an object was, or became, as far as people may read it: no secrets, no payloads. */
const state = z.record(z.string(), z.unknown()).nullable();

/** One changing call of a person or a program, refused ones included. */
export const auditEntry = z.object({
  id: z.string(),
  at: time,
  actor: z.object({
    keyId: z.string(),
    name: z.string().describe('Of the key, as it was called then.'),
    role: z
      .enum(['operator', 'producer', 'merchant', 'nobody'])
      .describe('nobody: of a login that failed.'),
    merchantId: z.string().nullable(),
  }),
  action: z.string().describe('`endpoint.update`, `resend.create` …'),
  object: z.object({
    kind: z.string(),
    id: z.string().nullable().describe('null: many at once, or none that could be named.'),
  }),
  merchantId: z.string().nullable().describe('Whose object it is; null: nobody’s, or not known.'),
  reason: z.string().nullable().describe('As the caller gave it.'),
  asked: state.describe(
    'What the caller wanted, in short. With `summary`: how many more calls of the actor and action were refused within a minute.',
  ),
  before: state,
  after: state,
  status: z
    .int()
    .nullable()
    .describe('Of the answer. null: it is still running, or its process died in it.'),
  requestId: z.string(),
  remoteAddress: z.string().nullable(),
});
export type AuditEntryView = z.output<typeof auditEntry>;
