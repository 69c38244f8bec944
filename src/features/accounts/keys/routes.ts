import { z } from 'zod';
import { decodeCursor, pageOf, toPage } from '../../../api/pagination.ts';
import { invalid, notFound } from '../../../api/problem.ts';
import { type Route, route } from '../../../api/route.ts';
import { newSecret } from '../../../engine/http/sign.ts';
import type { Database } from '../../../platform/db/client.ts';
import { idFromUuid } from '../../../platform/ids.ts';
import type { SecretBox } from '../../../platform/secrets/secret-box.ts';
import { examples } from '../examples.ts';
import { rotatedSecret, rotateSecret } from '../merchants/contract.ts';
import { rotate } from '../signing/rotation.ts';
import { callbackContext } from '../signing/secret-contexts.ts';
import { anyId, createdKey, createKey, endedSessions, keyView, listKeysQuery } from './contract.ts';
import { hashKey, newKey } from './key-format.ts';
import type { KeyRing } from './key-ring.ts';
import { keyStateOf, viewOfKey } from './key-view.ts';
import { requireNarrower } from './narrower.ts';
import { findKey, insertKey, listKeys, revokeKey } from './store.ts';

const keyParams = z.strictObject({ id: anyId.meta({ examples: [examples.keyView.id] }) });

interface KeyDeps {
  database: Database;
  secrets: SecretBox;
  keyRing: Pick<KeyRing, 'forgetKeys'>;
  /** Of the console, those of one key. @returns how many */
  endSessions(keyId: string): Promise<number>;
  /** How long a key works that is made without an end; null: for ever. */
  keyDays: number | null;
}

/** `/v1/keys`: who may call. A key is shown when it is made and never again. */
export function keyRoutes({
  database: { prisma },
  secrets,
  keyRing,
  endSessions,
  keyDays,
}: KeyDeps): Route[] {
  const look = (_call: unknown, id: string) => keyStateOf(prisma, id);
  return [
    route({
      method: 'post',
      path: '/v1/keys',
      roles: ['operator'],
      tag: 'Keys',
      summary: 'Create a key',
      body: createKey,
      responses: { 201: createdKey },
      audit: {
        action: 'key.create',
        id: ({ reservedId }) => idFromUuid('key', reservedId),
        look,
      },
      async handle({ principal, body, reservedId }) {
        requireFittingMerchant(body);
        await requireNarrower(prisma, principal, body);
        const id = idFromUuid('key', reservedId);
        const key = newKey(body.role);
        const callbackSecret = body.role === 'producer' ? newSecret() : null;
        const row = await insertKey(prisma, {
          id,
          role: body.role,
          merchantId: body.merchantId,
          name: body.name,
          calls: body.calls,
          merchants: body.merchants,
          networks: body.networks,
          hash: hashKey(key),
          callbackSecret: callbackSecret && secrets.seal(callbackSecret, callbackContext(id)),
          ...endOf(body, keyDays),
        });
        if (row === 'no_merchant') throw invalid('body.merchantId', 'No such merchant.');
        if (row === 'no_merchants')
          throw invalid('body.merchants', 'No such merchant is among them.');
        if (row === 'expired') throw invalid('body.expiresAt', 'This time has passed already.');
        const created = { ...viewOfKey(row), key, ...(callbackSecret && { callbackSecret }) };
        return { status: 201, body: created };
      },
    }),
    route({
      method: 'get',
      path: '/v1/keys',
      roles: ['operator'],
      tag: 'Keys',
      summary: 'List keys, also the revoked ones',
      query: listKeysQuery,
      responses: { 200: pageOf(keyView) },
      async handle({ query: { limit, cursor, expiresWithinDays = null }, reads }) {
        const rows = await listKeys(reads, limit, decodeCursor(cursor), expiresWithinDays);
        return { status: 200, body: toPage(rows, limit, (row) => row.id, viewOfKey) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/keys/{id}/rotate-secret',
      roles: ['operator'],
      tag: 'Keys',
      summary: "Give a producer's key a new callbackSecret; both sign until the overlap's end",
      params: keyParams,
      body: rotateSecret,
      responses: { 200: rotatedSecret },
      audit: {
        action: 'key.rotate-secret',
        asked: ({ body: { overlapSeconds } }) => ({ overlapSeconds }),
        look,
      },
      async handle({ params: { id }, body }) {
        return rotate({
          sql: prisma,
          secrets,
          place: 'key',
          id,
          context: callbackContext(id),
          body,
        });
      },
    }),
    route({
      method: 'delete',
      path: '/v1/keys/{id}',
      roles: ['operator'],
      tag: 'Keys',
      summary: 'Revoke a key for good',
      params: keyParams,
      responses: { 204: null },
      audit: { action: 'key.revoke', look },
      async handle({ params: { id } }) {
        if (!(await revokeKey(prisma, id))) throw notFound('key');
        keyRing.forgetKeys([id]);
        return { status: 204 };
      },
    }),
    route({
      method: 'delete',
      path: '/v1/keys/{id}/sessions',
      roles: ['operator'],
      tag: 'Keys',
      summary: "End all of a key's sessions at the console, in every process; the key goes on",
      params: keyParams,
      responses: { 200: endedSessions },
      audit: { action: 'key.end-sessions', look },
      async handle({ params: { id } }) {
        if ((await findKey(prisma, id)) === null) throw notFound('key');
        return { status: 200, body: { ended: await endSessions(id) } };
      },
    }),
  ];
}

/** @throws Problem 422 where two ends are given */
function endOf(
  { expiresAt, expiresInDays }: z.output<typeof createKey>,
  keyDays: number | null,
): { expiresAt: Date | null; lifetimeDays: number | null } {
  if (expiresInDays !== undefined) {
    if (expiresAt === undefined) return { expiresAt: null, lifetimeDays: expiresInDays };
    throw invalid('body.expiresInDays', 'Give one of expiresAt and expiresInDays.');
  }
  if (expiresAt === undefined) return { expiresAt: null, lifetimeDays: keyDays };
  return { expiresAt: expiresAt === null ? null : new Date(expiresAt), lifetimeDays: null };
}

function requireFittingMerchant({ role, merchantId, merchants }: z.output<typeof createKey>): void {
  if (merchants !== null && role !== 'producer') {
    throw invalid('body.merchants', 'Only a producer key may name merchants.');
  }
  if (merchants !== null && merchantId !== null) {
    throw invalid('body.merchants', 'The key is narrowed to merchantId already.');
  }

  if (role === 'merchant' && merchantId === null) {
    throw invalid('body.merchantId', 'A merchant key belongs to a merchant.');
  }
  if (role === 'operator' && merchantId !== null) {
    throw invalid('body.merchantId', 'An operator key belongs to no merchant.');
  }
}
