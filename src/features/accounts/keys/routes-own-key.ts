import { notFound, Problem } from '../../../api/problem.ts';
import { type Principal, type Route, route } from '../../../api/route.ts';
import type { Database } from '../../../platform/db/client.ts';
import { ownKey, rotatedKey, rotateKey } from './contract-own-key.ts';
import { hashKey, newKey } from './key-format.ts';
import type { KeyRing } from './key-ring.ts';
import { keyStateOf, viewOfKey } from './key-view.ts';
import { findKey } from './store.ts';
import { rotateKey as rotateRow } from './store-rotation.ts';

interface OwnKeyDeps {
  database: Database;
  keyRing: Pick<KeyRing, 'forgetKeys'>;
}

/** `/v1/keys/self`: what any key may know of itself, and how it renews itself. Its scope stays what it is. */
export function ownKeyRoutes({ database: { prisma }, keyRing }: OwnKeyDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/keys/self',
      roles: ['operator', 'producer', 'merchant'],
      inEveryScope: true,
      asksForOne: true,
      tag: 'Keys',
      summary: 'The key that calls: its role, its scope and its end',
      responses: { 200: ownKey },
      async handle({ principal: { keyId, isReplaced = false } }) {
        const row = await findKey(prisma, keyId);
        if (row === null) throw notFound('key');
        return { status: 200, body: { ...viewOfKey(row), isReplaced } };
      },
    }),
    route({
      method: 'post',
      path: '/v1/keys/self/rotate',
      roles: ['producer', 'merchant'],
      inEveryScope: true,
      asksForOne: true,
      tag: 'Keys',
      summary:
        'Give the key that calls another text, with the same scope; both work until the overlap’s end',
      body: rotateKey,
      responses: { 200: rotatedKey },
      audit: {
        action: 'key.rotate',
        roles: ['producer', 'merchant'],
        id: ({ principal }) => principal.keyId,
        asked: ({ body: { overlapSeconds } }) => ({ overlapSeconds }),
        look: (_call, id) => keyStateOf(prisma, id),
      },
      async handle({ principal, body: { overlapSeconds }, reservedId }) {
        const key = newKey(principal.role);
        const { keyId: id, isReplaced = false } = principal;
        const rotation = { id, hash: hashKey(key), reservedId, isReplaced, overlapSeconds };
        const rotated = await rotateRow(prisma, rotation);
        if (rotated.kind !== 'done') throw refusalOf(rotated, principal);
        keyRing.forgetKeys([id]);
        return {
          status: 200,
          body: {
            key,
            expiresAt: rotated.expiresAt?.toISOString() ?? null,
            previousKeyExpiresAt: rotated.previousExpiresAt.toISOString(),
          },
        };
      },
    }),
  ];
}

function refusalOf(
  rotated: Exclude<Awaited<ReturnType<typeof rotateRow>>, { kind: 'done' }>,
  { name }: Principal,
): Problem {
  if (rotated.kind === 'none') return notFound('key');
  if (rotated.kind === 'replaced') {
    const detail = `The key "${name}" was rotated: only the new text rotates it again.`;
    return new Problem(409, 'key_replaced', detail);
  }
  return new Problem(
    409,
    'keys_overlap',
    `Until ${rotated.until.toISOString()} two texts of the key work, as the last rotation promised. ` +
      'With overlapSeconds 0 the new one alone works from now on.',
  );
}
