import { type Route, route } from '../../route.ts';
import { attemptEvent, eventsQuery } from './contract.ts';
import { placeOf, type Streams } from './streams.ts';

export function eventRoutes(streams: Streams): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/events',
      roles: ['operator', 'merchant'],
      tag: 'Operations',
      summary: 'Attempts as they end, as server-sent events',
      query: eventsQuery,
      responses: { 200: attemptEvent },
      streamType: 'text/event-stream',
      handle: async ({ principal, query, headers }) => ({
        status: 200,
        headers: {
          'content-type': 'text/event-stream; charset=utf-8',
          // nginx would hold events back until it has a buffer full of them.
          'x-accel-buffering': 'no',
        },
        stream: await streams.open(principal, query, placeOf(headers['last-event-id'])),
      }),
    }),
  ];
}
