import { z } from 'zod';
import { type Route, route } from '../../api/route.ts';
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
      requestHeaders: z.object({
        'Last-Event-ID': z
          .string()
          .optional()
          .describe('The `id` of the last event that came: the stream goes on after it.'),
      }),
      responses: { 200: attemptEvent },
      responseHeaders: {
        200: z.object({
          'X-Accel-Buffering': z.string().describe('`no`: nginx is to pass each event on at once.'),
        }),
      },
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
