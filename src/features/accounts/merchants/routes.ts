import { decodeCursor, pageOf, pageQuery, toPage } from '../../../api/pagination.ts';
import { notFound, Problem } from '../../../api/problem.ts';
import { type Route, route } from '../../../api/route.ts';
import { newSecret } from '../../../engine/http/sign.ts';
import type { Database } from '../../../platform/db/client.ts';
import { idFromUuid } from '../../../platform/ids.ts';
import type { SecretBox } from '../../../platform/secrets/secret-box.ts';
import { isReservedMerchant } from '../endpoints/alert-inbox.ts';
import { hashKey, newKey } from '../keys/key-format.ts';
import { rotate } from '../signing/rotation.ts';
import { merchantContext } from '../signing/secret-contexts.ts';
import {
  createdMerchant,
  createMerchant,
  type MerchantView,
  merchantParams,
  merchantView,
  patchMerchant,
  rotatedSecret,
  rotateSecret,
} from './contract.ts';
import {
  findMerchant,
  insertMerchant,
  listMerchants,
  type MerchantRow,
  renameMerchant,
} from './store.ts';

/** `/v1/merchants`: the tenants that receive. */
export function merchantRoutes(deps: {
  database: Database;
  secrets: SecretBox;
  /** Of first keys; null: they do not end. */
  keyDays: number | null;
}): Route[] {
  const { secrets, keyDays } = deps;
  const { prisma } = deps.database;
  const look = async (_call: unknown, id: string) => {
    const found = await findMerchant(prisma, id);
    return found && { merchantId: id, state: { name: found.name } };
  };
  return [
    route({
      method: 'post',
      path: '/v1/merchants',
      roles: ['operator'],
      tag: 'Merchants',
      summary: 'Create a merchant, with a first key and a signing secret',
      body: createMerchant,
      responses: { 201: createdMerchant },
      audit: {
        action: 'merchant.create',
        id: ({ body, reservedId }) => body.id ?? idFromUuid('mch', reservedId),
        asked: ({ reservedId }) => ({ firstKeyId: idFromUuid('key', reservedId) }),
        look,
      },
      async handle({ body, reservedId }) {
        const id = body.id ?? idFromUuid('mch', reservedId);
        if (isReservedMerchant(id)) {
          const detail =
            'This id is reserved. Alerts go to the endpoints of POST /v1/alert-endpoints.';
          throw new Problem(409, 'merchant_reserved', detail);
        }
        const key = newKey('merchant');
        const secret = newSecret();
        const row = await insertMerchant(prisma, {
          id,
          name: body.name,
          secret: secrets.seal(secret, merchantContext(id)),
          firstKey: {
            id: idFromUuid('key', reservedId),
            hash: hashKey(key),
            lifetimeDays: keyDays,
          },
        });
        if (row === null) {
          throw new Problem(409, 'merchant_exists', 'There is a merchant with this id already.');
        }
        return { status: 201, body: { ...toView(row), key, secret } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/merchants',
      roles: ['operator'],
      tag: 'Merchants',
      summary: 'List merchants',
      query: pageQuery,
      responses: { 200: pageOf(merchantView) },
      async handle({ query: { limit, cursor }, reads }) {
        const rows = await listMerchants(reads, limit, decodeCursor(cursor));
        return { status: 200, body: toPage(rows, limit, (row) => row.listKey, toView) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/merchants/{merchantId}',
      roles: ['operator'],
      tag: 'Merchants',
      summary: 'Read a merchant',
      params: merchantParams,
      responses: { 200: merchantView },
      async handle({ params: { merchantId }, reads }) {
        return { status: 200, body: toView(present(await findMerchant(reads, merchantId))) };
      },
    }),
    route({
      method: 'patch',
      path: '/v1/merchants/{merchantId}',
      roles: ['operator'],
      tag: 'Merchants',
      summary: 'Rename a merchant',
      params: merchantParams,
      body: patchMerchant,
      responses: { 200: merchantView },
      audit: { action: 'merchant.update', look },
      async handle({ params: { merchantId }, body: { name } }) {
        const row = present(await renameMerchant(prisma, merchantId, name));
        return { status: 200, body: toView(row) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/merchants/{merchantId}/rotate-secret',
      roles: ['operator'],
      tag: 'Merchants',
      summary: "Give a merchant a new secret; the previous one signs until the overlap's end",
      params: merchantParams,
      body: rotateSecret,
      responses: { 200: rotatedSecret },
      audit: {
        action: 'merchant.rotate-secret',
        asked: ({ body: { overlapSeconds } }) => ({ overlapSeconds }),
        look,
      },
      async handle({ params: { merchantId: id }, body }) {
        const context = merchantContext(id);
        return rotate({ sql: prisma, secrets, place: 'merchant', id, context, body });
      },
    }),
  ];
}

function present<T>(found: T | null): T {
  if (found === null) throw notFound('merchant');
  return found;
}

function toView({ id, name, createdAt }: MerchantRow): MerchantView {
  return { id, name, createdAt: createdAt.toISOString() };
}
