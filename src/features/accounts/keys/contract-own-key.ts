import { z } from 'zod';
import { examples } from '../examples.ts';
import { overlapSeconds } from '../merchants/contract.ts';
import { keyView } from './contract.ts';

export const ownKey = keyView.extend({
  isReplaced: z.boolean().describe('The call came with the text before the last rotation.'),
});

/** The body may be missing altogether. */
export const rotateKey = z
  .strictObject({
    overlapSeconds: overlapSeconds.describe(
      'How long the key that calls works beside the new one, at most until its own end. 0: it stops at once, so that a lost answer cannot be asked for again.',
    ),
  })
  .prefault({});

export const rotatedKey = z.object({
  key: z.string().describe('Shown this once.'),
  expiresAt: z.iso.datetime().nullable(),
  previousKeyExpiresAt: z.iso.datetime(),
});

// What /docs shows of them.
z.globalRegistry.add(ownKey, { id: 'OwnKey', examples: [examples.ownKey] });
z.globalRegistry.add(rotatedKey, { id: 'RotatedKey', examples: [examples.rotatedKey] });
