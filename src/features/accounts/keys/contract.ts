import { z } from 'zod';
import { CALLS } from '../../../api/key-scope.ts';
import { moment, pageQuery } from '../../../api/pagination.ts';
import { isInNetwork, parseNetwork } from '../../../engine/http/addresses.ts';
import { examples } from '../examples.ts';

/** One line that people read: a merchant's name, a key's. */
export const shortName = z
  .string()
  .trim()
  .min(1)
  .max(128)
  .regex(/^\P{Cc}*$/u, 'No control characters.');

/** An id as it may stand in a path or a filter; whether it is one of ours, the database knows. */
export const anyId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'This cannot be an id.');

const MOST_DAYS = 3650;
const MOST_MERCHANTS = 200;
const MOST_NETWORKS = 32;

/** A list that names each once, and not nothing: that would read like "no limit". */
function someOf<T extends z.ZodType>(item: T, most: number) {
  return z
    .array(item)
    .min(1)
    .max(most)
    .transform((list) => [...new Set(list)]);
}

const calls = someOf(z.enum(CALLS), CALLS.length);
const network = z
  .string()
  .max(64)
  .refine(isNetwork, 'An address, or a network such as 192.0.2.0/24 or 2001:db8::/32.');

/** One that is mapped into IPv6 is refused: callers count as what theirs stands for, so it would hold none. */
function isNetwork(text: string): boolean {
  const parsed = parseNetwork(text);
  const [address = ''] = text.split('/');
  return parsed !== null && isInNetwork(address, parsed);
}

export const createKey = z.strictObject({
  role: z.enum(['operator', 'producer', 'merchant']),
  merchantId: anyId
    .nullable()
    .default(null)
    .describe('Needed for a merchant key; narrows a producer key to this merchant.'),
  name: shortName,
  expiresAt: moment
    .nullable()
    .optional()
    .describe(
      'A fixed end, which no rotation moves. null: never. Where neither this nor `expiresInDays` is given, the gateway’s KEY_DEFAULT_DAYS hold; never, where that is not set.',
    ),
  expiresInDays: z
    .int()
    .min(1)
    .max(MOST_DAYS)
    .optional()
    .describe('Ends so many days after it is made; each rotation gives it as many again.'),
  calls: calls
    .nullable()
    .default(null)
    .describe(
      'What alone it may call; everything that its role may, when absent. `x-call` of an operation says which of these it needs; `…:write` does not include `…:read`.',
    ),
  merchants: someOf(anyId, MOST_MERCHANTS)
    .nullable()
    .default(null)
    .describe('For producers: whom alone it may send to and look up; everybody, when absent.'),
  networks: someOf(network, MOST_NETWORKS)
    .nullable()
    .default(null)
    .describe(
      'Addresses and networks from which alone it works, anywhere when absent. From elsewhere it is answered as a wrong key.',
    ),
});

export const keyView = z.object({
  id: z.string(),
  role: z.enum(['operator', 'producer', 'merchant']),
  merchantId: z.string().nullable(),
  name: z.string(),
  calls: z.array(z.enum(CALLS)).nullable().describe('null: everything that its role may.'),
  merchants: z.array(z.string()).nullable().describe('null: everybody.'),
  networks: z.array(z.string()).nullable().describe('null: anywhere.'),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().nullable(),
  lifetimeDays: z
    .int()
    .nullable()
    .describe('What a rotation gives it anew; null: the rotation does not move `expiresAt`.'),
  rotatedAt: z.iso.datetime().nullable().describe('Its last rotation by itself.'),
  previousKeyExpiresAt: z.iso
    .datetime()
    .nullable()
    .describe('Until then the text before that rotation works as well; it may be over.'),
  revokedAt: z.iso.datetime().nullable(),
  lastUsedAt: z.iso.datetime().nullable().describe('To the minute.'),
});

export const listKeysQuery = pageQuery.extend({
  expiresWithinDays: z.coerce
    .number()
    .int()
    .min(1)
    .max(MOST_DAYS)
    .optional()
    .describe('Only those that work now and end within so many days.'),
});

export const createdKey = keyView.extend({
  key: z.string().describe('Shown this once.'),
  callbackSecret: z
    .string()
    .optional()
    .describe('Producers: signs what is called on their behalf. Shown this once.'),
});

export const endedSessions = z.object({
  ended: z.int().nonnegative().describe('Sessions that were running.'),
});

export type KeyView = z.output<typeof keyView>;

// What /docs shows of them.
z.globalRegistry.add(createKey, { id: 'Key', examples: [examples.createKey] });
z.globalRegistry.add(keyView, { id: 'Key', examples: [examples.keyView] });
z.globalRegistry.add(createdKey, { id: 'CreatedKey', examples: [examples.createdKey] });
