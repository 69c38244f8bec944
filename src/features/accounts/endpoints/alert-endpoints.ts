import { pageOf, pageQuery } from '../../../api/pagination.ts';
import { locationHeader, type Route, route } from '../../../api/route.ts';
import { newSecret } from '../../../engine/http/sign.ts';
import { ensureMerchant } from '../merchants/store.ts';
import { merchantContext } from '../signing/secret-contexts.ts';
import { type EndpointDeps, lookAtEndpoint } from './access.ts';
import { ALERT_INBOX, ALERT_INBOX_NAME } from './alert-inbox.ts';
import { createdEndpoint, createEndpoint, endpointView } from './contract.ts';
import { endpointsOf, registerEndpoint, reservedEndpointId } from './routes.ts';

/** `/v1/alert-endpoints`: where the people who run the gateway are told of what needs them. */
export function alertEndpointRoutes(deps: EndpointDeps): Route[] {
  const { database, secrets } = deps;
  return [
    route({
      method: 'post',
      path: '/v1/alert-endpoints',
      roles: ['operator'],
      tag: 'Endpoints',
      summary: 'Register an endpoint for the gateway’s own alerts, of types `alert.…`',
      body: createEndpoint,
      responses: { 201: createdEndpoint },
      responseHeaders: { 201: locationHeader },
      audit: {
        action: 'alert-endpoint.create',
        id: reservedEndpointId,
        look: lookAtEndpoint(deps),
      },
      async handle({ body, reservedId }) {
        const secret = secrets.seal(newSecret(), merchantContext(ALERT_INBOX));
        await ensureMerchant(database.prisma, { id: ALERT_INBOX, name: ALERT_INBOX_NAME, secret });
        return registerEndpoint(deps, ALERT_INBOX, body, reservedId);
      },
    }),
    route({
      method: 'get',
      path: '/v1/alert-endpoints',
      roles: ['operator'],
      tag: 'Endpoints',
      summary: 'List the endpoints for the gateway’s own alerts',
      query: pageQuery,
      responses: { 200: pageOf(endpointView) },
      handle: ({ query, reads }) => endpointsOf(reads, ALERT_INBOX, query),
    }),
  ];
}
