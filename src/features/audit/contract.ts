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
const place = z.string().regex(/^\d{1,19}$/);
/** Where an entry stands in the chain: a number beyond 2^53 perhaps, so a text. */
export const chainPlace = place.describe('The number of an entry in the chain.');

/** Whether the log is what it was when it was sealed. */
export const verification = z.object({
  isWhole: z.boolean().describe('Nothing that was checked is missing or was changed.'),
  checked: z.int().describe('Entries.'),
  lastPlace: chainPlace,
  lastHash: z
    .string()
    .describe(
      'Of the last entry checked. Keep it elsewhere: later it must still be the hash of its place.',
    ),
  next: chainPlace
    .nullable()
    .describe('What to give as `after` to go on; null: the end was reached.'),
  unsealed: z
    .int()
    .describe('Entries that have no place in the chain yet: those of the last seconds.'),
  faults: z.array(
    z.object({
      place: chainPlace,
      kind: z
        .enum(['missing_entry', 'changed_entry', 'gap', 'archive', 'head'])
        .describe(
          '`gap`: places are missing. `archive`: an archived piece does not follow the one before. `head`: the end of the chain is missing.',
        ),
    }),
  ),
});
export type Verification = z.output<typeof verification>;

/** A piece of the log that was exported and dropped. */
export const archivedPiece = z.object({
  firstPlace: chainPlace,
  lastPlace: chainPlace,
  firstAt: time,
  lastAt: time,
  previousHash: z.string(),
  lastHash: z.string(),
  file: z.string().describe('Its name in AUDIT_ARCHIVE_DIR.'),
  fileSha256: z.string(),
});

export type AuditEntryView = z.output<typeof auditEntry>;
