import { z } from 'zod';
import {
  decodeCursor,
  moment,
  oneOrMore,
  pageOf,
  pageQuery,
  toPage,
} from '../../api/pagination.ts';
import { notFound } from '../../api/problem.ts';
import { type Route, route } from '../../api/route.ts';
import { archivedPiece, auditEntry, chainPlace, verification } from './contract.ts';
import { listAuditEntries } from './store.ts';
import { type Archived, findArchived } from './store-archive.ts';
import { verifyChain } from './verify.ts';

/** Entries that one call verifies: some seconds. */
const MOST_CHECKED = 20_000;

/** `/v1/audit-log`: who changed what. Nothing changes it; reading it leaves no trace. */
export function auditRoutes(): Route[] {
  const names = oneOrMore(z.string().min(1)).optional();
  return [
    route({
      method: 'get',
      path: '/v1/audit-log',
      roles: ['operator'],
      tag: 'Operations',
      summary:
        'Changing calls of operators and merchants, newest first; of refusals by role one a minute ' +
        'for each key and action',
      query: pageQuery.extend({
        keyId: names.describe('Who.'),
        action: names,
        objectKind: names,
        objectId: names,
        merchantId: names.describe('Whose object.'),
        from: moment.optional(),
        to: moment.optional(),
      }),
      responses: { 200: pageOf(auditEntry) },
      async handle({ query, reads }) {
        const { limit, cursor } = query;
        const rows = await listAuditEntries(reads, query, decodeCursor(cursor), limit + 1);
        const idOf = (row: (typeof rows)[number]) => row.id;
        return { status: 200, body: toPage(rows, limit, idOf, (row) => row) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/audit-log/verify',
      roles: ['operator'],
      tag: 'Operations',
      summary: 'Whether anything in the audit log is missing or was changed',
      asksForOne: true,
      query: z.strictObject({
        after: chainPlace
          .transform(BigInt)
          .refine((place) => place < 2n ** 63n, 'No such place.')
          .optional()
          .describe('`next` of the call before. The beginning when absent.'),
        limit: z.coerce.number().int().min(1).max(MOST_CHECKED).default(MOST_CHECKED),
      }),
      responses: { 200: verification },
      async handle({ query: { after, limit }, reads }) {
        const body = await verifyChain(reads, after ?? null, limit);
        if (body === null) throw notFound('place');
        return { status: 200, body };
      },
    }),
    route({
      method: 'get',
      path: '/v1/audit-log/archive',
      roles: ['operator'],
      tag: 'Operations',
      summary: 'What of the audit log was exported and dropped, oldest first',
      responses: { 200: z.object({ data: z.array(archivedPiece) }) },
      async handle({ reads }) {
        const pieces = await findArchived(reads);
        return { status: 200, body: { data: pieces.map(toPiece) } };
      },
    }),
  ];
}

function toPiece({ firstPlace, lastPlace, firstAt, lastAt, ...piece }: Archived) {
  return {
    ...piece,
    firstPlace: String(firstPlace),
    lastPlace: String(lastPlace),
    firstAt: firstAt.toISOString(),
    lastAt: lastAt.toISOString(),
  };
}
