import type { Readable } from 'node:stream';
import type { z } from 'zod';

export type Role = 'operator' | 'producer' | 'merchant';

/** Who calls: the key and what it may see. `merchantId` narrows a merchant key, and a producer key that names one. */
export interface Principal {
  keyId: string;
  role: Role;
  name: string;
  merchantId: string | null;
}

/** What a handler gets: everything already parsed, validated and authorised. */
export interface Call<Params, Query, Body> {
  principal: Principal;
  params: Params;
  query: Query;
  body: Body;
  /** The body's text exactly as it came: numbers beyond 2^53 survive in it. */
  rawBody: string;
  /** A UUIDv7; the same for every repeat of a call with the same Idempotency-Key. */
  reservedId: string;
  requestId: string;
  headers: Readonly<Record<string, string | undefined>>;
}

export interface Reply {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
  /**
   * A body too large to be held, in place of `body`; `headers` name its content type. Only for `get`:
   * answers that an Idempotency-Key keeps must be whole. Destroyed when the caller leaves.
   */
  stream?: Readable;
}

/**
 * One route as data: the HTTP layer mounts it, guards it by `roles`, validates by its schemas and
 * writes it into the OpenAPI document. Features export lists of these and know nothing of Express.
 */
export interface Route<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
> {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** OpenAPI style: `/v1/queues/{name}`. */
  path: string;
  roles: readonly Role[];
  tag: string;
  summary: string;
  params?: Params;
  query?: Query;
  body?: Body;
  /**
   * Content types taken besides JSON, such as `text/csv`. A body of these is given as `rawBody` alone,
   * and `body` as if none had come; so the schema must be optional.
   */
  textTypes?: readonly string[];
  /** Bytes; 64 KiB when absent. */
  bodyLimitBytes?: number;
  /** status → schema of its JSON body (`null`: no body). Problems are documented by the HTTP layer. */
  responses: Record<number, z.ZodType | null>;
  /** Content types besides JSON that the caller may choose by `Accept`; the handler obeys it. */
  alsoAnswers?: readonly string[];
  /** The 200 is a stream of this content type and no JSON; its schema is that of an event's data. */
  streamType?: string;
  handle(call: Call<z.output<Params>, z.output<Query>, z.output<Body>>): Promise<Reply>;
}

/** Keeps the types of a route's schemas together while it is written; forgets them for the table. */
export function route<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  definition: Route<P, Q, B>,
): Route {
  return definition as unknown as Route;
}
