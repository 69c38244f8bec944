import { z } from 'zod';
import type { Route } from '../../api/route.ts';
import { keepsAnswers } from '../route-kinds.ts';
import { fieldsOf } from './parameters.ts';
import type { SchemaShelf } from './schema.ts';

/**
 * What the HTTP layer itself sets, each told once, under `components.headers`. Left out are those of
 * HTTP's own framing, and those that only tell browsers what not to do with an answer.
 */
const SHARED = z.object({
  'X-Request-Id': z
    .string()
    .describe('The name that the request came with, or a new one; the log lines have it too.'),
  'Cache-Control': z.string().describe('`no-store`: answers are for the caller alone.'),
  'RateLimit-Limit': z.int().optional().describe('Requests that a window takes.'),
  'RateLimit-Remaining': z.int().optional().describe('How many of them are left.'),
  'RateLimit-Reset': z.int().optional().describe('Seconds until the next window.'),
  'RateLimit-Policy': z
    .string()
    .optional()
    .describe('Requests and seconds of a window: `60000;w=10`.'),
  'Retry-After': z.int().describe('Seconds after which the same call may be made again.'),
  'WWW-Authenticate': z.string().describe('`Bearer`.'),
  'Accept-Post': z.string().describe('The content types that are taken.'),
  'Idempotent-Replayed': z
    .literal('true')
    .optional()
    .describe('The first answer of this Idempotency-Key, once more: nothing was done anew.'),
});
type SharedName = keyof typeof SHARED.shape;

const ALWAYS: readonly SharedName[] = ['X-Request-Id', 'Cache-Control'];
/** On what has passed a limit of requests, which not every refusal has. */
const LIMITED: readonly SharedName[] = [
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'RateLimit-Policy',
];
const OF_PROBLEMS: Record<number, readonly SharedName[]> = {
  401: ['WWW-Authenticate'],
  // What a call may have been answered before that comes again under its Idempotency-Key.
  404: ['Idempotent-Replayed'],
  409: ['Idempotent-Replayed'],
  415: ['Accept-Post'],
  422: ['Idempotent-Replayed'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};
const OF_CONFLICTS = z.object({
  'Retry-After': z
    .int()
    .optional()
    .describe('Seconds, where waiting helps: what stands in the way is under way.'),
});

export function sharedHeaders(shelf: SchemaShelf): Record<string, object> {
  return headersOf(SHARED, shelf);
}

/** Of one answer of a route, its own and those of the HTTP layer; its own go before. */
export function answerHeaders(route: Route, status: number, shelf: SchemaShelf): object {
  const replayed: SharedName[] = keepsAnswers(route) ? ['Idempotent-Replayed'] : [];
  return {
    ...referring([...ALWAYS, ...LIMITED, ...replayed]),
    ...headersOf(route.responseHeaders?.[status], shelf),
  };
}

export function problemHeaders(status: number, shelf: SchemaShelf): object {
  return {
    ...referring([...ALWAYS, ...LIMITED, ...(OF_PROBLEMS[status] ?? [])]),
    ...(status === 409 && headersOf(OF_CONFLICTS, shelf)),
  };
}

/** Of an answer that is no route's. @param isLimited whether a limit of requests is before it */
export function serviceHeaders(isLimited: boolean): object {
  return referring([...ALWAYS, ...(isLimited ? LIMITED : [])]);
}

function referring(names: readonly SharedName[]): object {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function headersOf(schema: z.ZodType | undefined, shelf: SchemaShelf): Record<string, object> {
  const { fields, required } = fieldsOf(schema, shelf);
  return Object.fromEntries(
    Object.entries(fields).map(([name, { description, ...rest }]) => [
      name,
      { description, required: required.includes(name), schema: rest },
    ]),
  );
}
