import { z } from 'zod';
import { moment } from '../page.ts';
import { examples } from './examples.ts';

/** One line that people read: a merchant's name, a key's. */
export const shortName = z
  .string()
  .trim()
  .min(1)
  .max(128)
  .regex(/^\P{Cc}*$/u, 'No control characters.');

/** An id as it may stand in a path or a filter; whether it is one of ours, the database knows. */
export const anyId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'This cannot be an id.');

export const createKey = z.strictObject({
  role: z.enum(['operator', 'producer', 'merchant']),
  merchantId: anyId
    .nullable()
    .default(null)
    .describe('Needed for a merchant key; narrows a producer key to this merchant.'),
  name: shortName,
  expiresAt: moment.nullable().default(null),
});

export const keyView = z.object({
  id: z.string(),
  role: z.enum(['operator', 'producer', 'merchant']),
  merchantId: z.string().nullable(),
  name: z.string(),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().nullable(),
  revokedAt: z.iso.datetime().nullable(),
  lastUsedAt: z.iso.datetime().nullable().describe('To the minute.'),
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
