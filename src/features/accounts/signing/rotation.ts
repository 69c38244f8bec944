import type { z } from 'zod';
import { notFound, Problem } from '../../../api/problem.ts';
import { newSecret } from '../../../engine/http/sign.ts';
import type { Sql } from '../../../platform/db/client.ts';
import type { SecretBox } from '../../../platform/secrets/secret-box.ts';
import type { rotateSecret as rotateBody, rotatedSecret } from '../merchants/contract.ts';
import { rotateSecret } from './store-rotation.ts';

interface Asked {
  sql: Sql;
  secrets: Pick<SecretBox, 'seal'>;
  place: Parameters<typeof rotateSecret>[1];
  id: string;
  /** What the secret is sealed for. */
  context: string;
  body: z.output<typeof rotateBody>;
}

/**
 * Gives a merchant, an endpoint or a producer's key a new secret, or the one that its user brings.
 *
 * @throws Problem 404; 409 `secrets_overlap` while an earlier rotation's time runs, with its end
 */
export async function rotate({ sql, secrets, place, id, context, body }: Asked) {
  const secret = body.secret ?? newSecret();
  const { overlapSeconds } = body;
  const rotation = { id, secret: secrets.seal(secret, context), overlapSeconds };
  const rotated = await rotateSecret(sql, place, rotation);
  if (rotated.kind === 'none') throw notFound(place);
  if (rotated.kind === 'overlaps') throw overlaps(rotated.until);
  const answer: z.input<typeof rotatedSecret> = {
    secret,
    previousSecretExpiresAt: rotated.previousExpiresAt.toISOString(),
  };
  return { status: 200 as const, body: answer };
}

function overlaps(until: Date): Problem {
  return new Problem(
    409,
    'secrets_overlap',
    `Until ${until.toISOString()} two secrets sign, as the last rotation promised. ` +
      'With overlapSeconds 0 the new one alone signs from now on.',
  );
}
