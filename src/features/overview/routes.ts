import { notFound } from '../../api/problem.ts';
import { type Route, route } from '../../api/route.ts';
import type { ReadBacklog } from './backlog.ts';
import { endpointsOverview, endpointsParams, overview, overviewQuery } from './contract.ts';
import { readEndpointsOverview, readOverview } from './overview.ts';

export function overviewRoutes(deps: { readBacklog: ReadBacklog }): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/overview',
      roles: ['operator', 'merchant'],
      tag: 'Operations',
      summary: 'How deliveries fare: rates, latencies, backlog, failing endpoints',
      query: overviewQuery,
      responses: { 200: overview },
      handle: async ({ principal, query, reads }) => ({
        status: 200,
        body: await readOverview(reads, deps.readBacklog, principal.merchantId, query.window),
      }),
    }),
    route({
      method: 'get',
      path: '/v1/merchants/{merchantId}/endpoints/overview',
      roles: ['operator', 'merchant'],
      tag: 'Operations',
      summary: 'Attempts and failures at each endpoint of a merchant over 24 hours',
      params: endpointsParams,
      responses: { 200: endpointsOverview },
      async handle({ principal, params: { merchantId }, reads }) {
        const isTheirs = principal.merchantId === null || principal.merchantId === merchantId;
        const found = isTheirs ? await readEndpointsOverview(reads, merchantId) : null;
        if (found === null) throw notFound('merchant');
        return { status: 200, body: found };
      },
    }),
  ];
}
