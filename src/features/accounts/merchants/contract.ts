import { z } from 'zod';
import { examples } from '../examples.ts';
import { anyId, shortName } from '../keys/contract.ts';
import { secretText } from '../signing/contract-secret.ts';

const MAX_OVERLAP_SECONDS = 30 * 86_400;
const OVERLAP_SECONDS = 86_400;

export const merchantParams = z.strictObject({
  merchantId: anyId.meta({ examples: [examples.merchantView.id] }),
});

export const createMerchant = z.strictObject({
  id: anyId.optional().describe('An id of your own choice; made when absent.'),
  name: shortName,
});

export const patchMerchant = z.strictObject({ name: shortName });

export const merchantView = z.object({
  id: z.string(),
  name: z.string(),
  createdAt: z.iso.datetime(),
});

export const createdMerchant = merchantView.extend({
  key: z.string().describe('A first merchant key. Shown this once.'),
  secret: z.string().describe('Signs what goes to a notifyUrl. Shown this once.'),
});

/** How long what is replaced goes on beside what replaces it. */
export const overlapSeconds = z.int().min(0).max(MAX_OVERLAP_SECONDS).default(OVERLAP_SECONDS);

/** Of a merchant's secret, an endpoint's and a producer's alike; the body may be missing altogether. */
export const rotateSecret = z
  .strictObject({
    overlapSeconds: overlapSeconds.describe(
      'How long the previous secret signs beside the new one. 0: all earlier ones stop at once.',
    ),
    secret: secretText.optional().describe('A secret of your own; made when absent.'),
  })
  .prefault({});

export const rotatedSecret = z.object({
  secret: z.string().describe('Shown this once.'),
  previousSecretExpiresAt: z.iso.datetime(),
});

export type MerchantView = z.output<typeof merchantView>;

// What /docs shows of them.
z.globalRegistry.add(createMerchant, { id: 'Merchant', examples: [examples.createMerchant] });
z.globalRegistry.add(merchantView, { id: 'Merchant', examples: [examples.merchantView] });
z.globalRegistry.add(createdMerchant, {
  id: 'CreatedMerchant',
  examples: [examples.createdMerchant],
});
