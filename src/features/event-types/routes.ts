import { type Route, route } from '../../api/route.ts';
import { eventTypes, eventTypesView } from './contract.ts';

/** `/v1/event-types`: what an endpoint may ask for by `events`. */
export function eventTypeRoutes(): Route[] {
  const body = eventTypes();
  return [
    route({
      method: 'get',
      path: '/v1/event-types',
      roles: ['operator', 'merchant', 'producer'],
      tag: 'Endpoints',
      summary: 'List the operational types: what the gateway tells of its own work',
      responses: { 200: eventTypesView },
      handle: async () => ({ status: 200, body }),
    }),
  ];
}
