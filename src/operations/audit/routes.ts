import { z } from 'zod';
import type { Sql } from '../../db/client.ts';
import { decodeCursor, moment, oneOrMore, pageOf, pageQuery, toPage } from '../../page.ts';
import { type Route, route } from '../../route.ts';
import { auditEntry } from './contract.ts';
import { listAuditEntries } from './store.ts';

/** `/v1/audit-log`: who changed what. Nothing changes it; reading it leaves no trace. */
export function auditRoutes({ sql }: { sql: Sql }): Route[] {
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
      async handle({ query }) {
        const { limit, cursor } = query;
        const rows = await listAuditEntries(sql, query, decodeCursor(cursor), limit + 1);
        const idOf = (row: (typeof rows)[number]) => row.id;
        return { status: 200, body: toPage(rows, limit, idOf, (row) => row) };
      },
    }),
  ];
}
