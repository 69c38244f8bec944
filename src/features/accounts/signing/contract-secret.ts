import { z } from 'zod';
import { spellSecret } from '../../../engine/http/sign.ts';

/** A secret that its user brings, in any spelling of base64; from here on in the one with padding. */
export const secretText = z
  .string()
  .max(128)
  .transform((text, context) => {
    const secret = spellSecret(text);
    if (secret !== null) return secret;
    context.issues.push({
      code: 'custom',
      input: text,
      message: 'whsec_ and 24 to 64 bytes in base64.',
    });
    return z.NEVER;
  });
