import { type Route, route } from '../../../api/route.ts';
import { rotatedSecret, rotateSecret } from '../merchants/contract.ts';
import { rotate } from '../signing/rotation.ts';
import { endpointContext } from '../signing/secret-contexts.ts';
import {
  type EndpointDeps,
  lookAtEndpoint,
  ENDPOINT_ROLES as ROLES,
  toEndpointView,
  visibleEndpoint,
} from './access.ts';
import { endpointParams, endpointView, testView } from './contract.ts';
import { pauseEndpoint, resumeEndpoint } from './store.ts';

/** What is done to an endpoint besides reading and writing it. */
export function actionRoutes(deps: EndpointDeps): Route[] {
  const { prisma } = deps.database;
  return [
    route({
      method: 'post',
      path: '/v1/endpoints/{id}/rotate-secret',
      roles: ROLES,
      tag: 'Endpoints',
      summary: "Give an endpoint a new secret; both sign until the overlap's end",
      params: endpointParams,
      body: rotateSecret,
      responses: { 200: rotatedSecret },
      audit: {
        action: 'endpoint.rotate-secret',
        asked: ({ body: { overlapSeconds } }) => ({ overlapSeconds }),
        look: lookAtEndpoint(deps),
      },
      async handle({ principal, params: { id }, body }) {
        await visibleEndpoint(prisma, principal, id);
        const context = endpointContext(id);
        const { secrets } = deps;
        return rotate({ sql: prisma, secrets, place: 'endpoint', id, context, body });
      },
    }),
    route({
      method: 'post',
      path: '/v1/endpoints/{id}/pause',
      roles: ROLES,
      tag: 'Endpoints',
      summary: 'Pause an endpoint; its deliveries wait, their deadlines run',
      params: endpointParams,
      responses: { 200: endpointView },
      audit: { action: 'endpoint.pause', look: lookAtEndpoint(deps) },
      async handle({ principal, params: { id } }) {
        await visibleEndpoint(prisma, principal, id);
        await pauseEndpoint(prisma, id);
        return { status: 200, body: toEndpointView(await visibleEndpoint(prisma, principal, id)) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/endpoints/{id}/resume',
      roles: ROLES,
      tag: 'Endpoints',
      summary: 'Call an endpoint again that is paused, disabled or failing',
      params: endpointParams,
      responses: { 200: endpointView },
      audit: { action: 'endpoint.resume', look: lookAtEndpoint(deps) },
      async handle({ principal, params: { id } }) {
        await visibleEndpoint(prisma, principal, id);
        await resumeEndpoint(prisma, id);
        await deps.wakeReceiver(id);
        return { status: 200, body: toEndpointView(await visibleEndpoint(prisma, principal, id)) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/endpoints/{id}/test',
      roles: ROLES,
      tag: 'Endpoints',
      summary: 'Make one attempt now, without repeats, and tell how it went',
      params: endpointParams,
      responses: { 200: testView },
      audit: { action: 'endpoint.test', look: lookAtEndpoint(deps) },
      async handle({ principal, params: { id } }) {
        await visibleEndpoint(prisma, principal, id);
        return { status: 200, body: await deps.testEndpoint(id) };
      },
    }),
  ];
}
