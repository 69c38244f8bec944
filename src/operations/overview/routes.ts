import type { Sql } from '../../db/client.ts';
import { type Route, route } from '../../route.ts';
import type { ReadBacklog } from './backlog.ts';
import { overview, overviewQuery } from './contract.ts';
import { readOverview } from './overview.ts';

export function overviewRoutes(deps: { sql: Sql; readBacklog: ReadBacklog }): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/overview',
      roles: ['operator', 'merchant'],
      tag: 'Operations',
      summary: 'How deliveries fare: rates, latencies, backlog, failing endpoints',
      query: overviewQuery,
      responses: { 200: overview },
      handle: async ({ principal, query }) => ({
        status: 200,
        body: await readOverview(deps.sql, deps.readBacklog, principal.merchantId, query.window),
      }),
    }),
  ];
}
