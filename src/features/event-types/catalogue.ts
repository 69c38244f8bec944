import { z } from 'zod';

/**
 * What the gateway itself has to say: every operational event, with the form of its `data`. An event is an ordinary
 * notification of this type, to the endpoints that ask for it by `events`.
 */
interface EventType {
  /** Who may hear it. `merchants`: each about its own, and operators about all. */
  audience: 'merchants' | 'operators';
  description: string;
  data: z.ZodObject;
}

/** How many of those that are told together are told one by one. */
export const MOST_ITEMS = 20;

const merchantId = z.string();
const count = z.int().min(1).describe('How many there were since the last event of this kind.');
const date = z.iso.date().describe('A day in the calendar of `timezone`.');
const timezone = z.string();

const endpoint = {
  merchantId,
  endpointId: z.string(),
  count: count.describe(
    'How often since the last event of this type about this endpoint: 1, unless it goes up and down.',
  ),
};

/** Facts that come in crowds: the first of them, and how many there were. */
function summed<Item extends z.ZodRawShape>(item: Item) {
  return z.object({
    count,
    items: z.array(z.object(item)).max(MOST_ITEMS).describe(`The first ${MOST_ITEMS} of them.`),
  });
}

const branch = {
  gid: z.string(),
  producer: z.string().describe("The id of the producer's key."),
  branchId: z.string(),
  decision: z.enum(['confirm', 'cancel']),
};

export const EVENT_TYPES = {
  'notification.failed': {
    audience: 'merchants',
    description:
      'Deliveries have failed for good: the ladder or the deadline is spent, or the endpoint is gone.',
    data: summed({
      notificationId: z.string(),
      deliveryId: z.string(),
      endpointId: z.string().nullable().describe('null: it went to an address of its own.'),
      type: z.string(),
      businessKey: z.string(),
      reason: z.string().nullable(),
      attemptCount: z.int(),
    }).extend({ merchantId }),
  },
  'endpoint.disabled': {
    audience: 'merchants',
    description: 'An endpoint has answered 410 and is called no more until somebody resumes it.',
    data: z.object({ ...endpoint, reason: z.string() }),
  },
  'endpoint.failing': {
    audience: 'merchants',
    description:
      'An endpoint fails again and again without a success: half, 70 or 90 % of what opens its circuit have come together.',
    data: z.object({ ...endpoint, percent: z.literal([50, 70, 90]) }),
  },
  'endpoint.recovered': {
    audience: 'merchants',
    description:
      'An endpoint has succeeded for the first time since its circuit opened, or was resumed after it was disabled.',
    data: z.object({ ...endpoint, from: z.enum(['circuit_open', 'disabled']) }),
  },
  'circuit.opened': {
    audience: 'merchants',
    description:
      'An endpoint keeps places for long and fails: it is tried one attempt at a time, with growing pauses.',
    data: z.object(endpoint),
  },
  'statement.ready': {
    audience: 'merchants',
    description: "A day's statement is closed, at the time that the merchant has chosen.",
    data: z.object({
      merchantId,
      date,
      timezone,
      revision: z.int(),
      rowCount: z.int(),
      totals: z.array(
        z.object({
          status: z.string().nullable(),
          currency: z.string().nullable(),
          count: z.int(),
          amount: z.string().nullable(),
        }),
      ),
      sha256: z.string().describe('In hex, of the file that `path` answers with.'),
      path: z
        .string()
        .describe('Where to fetch it: GET, with a key of the merchant or an operator.'),
    }),
  },
  'reconciliation.finished': {
    audience: 'merchants',
    description: 'A list that was handed in has been compared, or could not be.',
    data: z.object({
      merchantId,
      reconciliationId: z.string(),
      date,
      timezone,
      status: z.enum(['completed', 'failed']),
      recordCount: z.int().describe('Records of the list.'),
      matched: z.int(),
      differenceCount: z.int(),
      pendingCutoff: z.int().describe("Rows near the day's edge that wait for the day beside it."),
    }),
  },
  'differences.found': {
    audience: 'merchants',
    description: 'A comparison has found differences.',
    data: z.object({
      merchantId,
      reconciliationId: z.string(),
      date,
      timezone,
      differenceCount: z.int().min(1),
      differences: z.record(z.string(), z.int()).describe('How many of each kind.'),
    }),
  },
  'message.suspended': {
    audience: 'operators',
    description:
      'Check-backs have found out nothing: somebody has to decide what becomes of the message.',
    data: summed({ messageId: z.string(), suspendedAt: z.iso.datetime() }),
  },
  'message.failed': {
    audience: 'operators',
    description: 'A consumer has completed a message as failed.',
    data: summed({
      messageId: z.string(),
      deliveryId: z.string(),
      consumer: z.string().nullable(),
      reason: z.string().nullable(),
    }),
  },
  'tcc.suspended': {
    audience: 'operators',
    description: 'A decided transaction could not be brought to its end.',
    data: summed({ ...branch, reason: z.string().nullable() }),
  },
  'tcc.retrying': {
    audience: 'operators',
    description: 'A confirm or cancel has failed three times and is called again.',
    data: summed({ ...branch, failures: z.int() }),
  },
  'tcc.conflict': {
    audience: 'operators',
    description: 'A branch has refused what was decided (409); it is called again.',
    data: summed({ ...branch, failures: z.int() }),
  },
} as const satisfies Record<string, EventType>;

export type EventTypeName = keyof typeof EVENT_TYPES;

export const EVENT_TYPE_NAMES = Object.keys(EVENT_TYPES) as EventTypeName[];

export function isEventType(type: string): type is EventTypeName {
  return Object.hasOwn(EVENT_TYPES, type);
}

/** Whether facts of a type are told as a list of them. */
export function isSummed(type: EventTypeName): boolean {
  return 'items' in EVENT_TYPES[type].data.shape;
}
