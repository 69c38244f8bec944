import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { Sql } from '../platform/db/client.ts';
import { type CallName, callName, type Tag } from './key-scope.ts';
import { Problem, type ProblemView } from './problem.ts';

export type Role = 'operator' | 'producer' | 'merchant';

/** Who calls: the key and what it may see. `merchantId` narrows a merchant key, and a producer key that names one. */
export interface Principal {
  keyId: string;
  role: Role;
  name: string;
  merchantId: string | null;
  /** What alone it may call; everything that its role may, when absent. */
  calls?: readonly CallName[];
  /** A producer's: whom alone it may send to and look up; everybody, when absent. */
  merchants?: readonly string[];
  /** It came with the text before a rotation, which goes on for a while. */
  isReplaced?: true;
  /** The console's session that it came by, where it did. */
  sessionId?: string;
}

/** Of a list in a body, judged as if it had come alone: what it says, or what is wrong with it. */
export type Item<T = unknown> = { value: T; text: string } | Problem;

/** A list in a body of which one bad item is not to sink the others. */
export interface ItemRules<Schema extends z.ZodType = z.ZodType> {
  /** The body's member that is the list. Its schema says how many items there may be. */
  member: string;
  schema: Schema;
  /** Bytes of one item. */
  limitBytes: number;
}

/** What a handler gets: everything already parsed, validated and authorised. */
export interface Call<Params, Query, Body, Entry = unknown> {
  principal: Principal;
  params: Params;
  query: Query;
  body: Body;
  /** The list's items, in order; in `body` it has only its length. None where the route has no `items`. */
  items: readonly Item<Entry>[];
  /** The body's text exactly as it came: numbers beyond 2^53 survive in it. */
  rawBody: string;
  /** A UUIDv7; the same for every repeat of a call with the same Idempotency-Key. */
  reservedId: string;
  /** When the request came, `performance.now()`: calls that overlap may mean the same. */
  receivedAt: number;
  requestId: string;
  /** Whether the caller has hung up: what nobody waits for need not be done. */
  isGone(): boolean;
  /** The same as it happens, of calls that only look something up. Others are done to their end. */
  signal: AbortSignal;
  /**
   * For what the call only looks up: on connections of their own, where a statement that takes too long, or whose
   * caller has hung up, is ended. What changes something reads what it needs on those that it writes on.
   */
  reads: Sql;
  /** A problem as its own answer would tell it, for one that holds several. */
  viewOf(problem: Problem): ProblemView;
  headers: Readonly<Record<string, string | undefined>>;
}

export interface Reply {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
  /** Some of it was not done for now: under an Idempotency-Key the call may be made again. */
  isUnfinished?: true;
  /**
   * A body too large to be held, in place of `body`; `headers` name its content type. Only for `get`:
   * answers that an Idempotency-Key keeps must be whole. Destroyed when the caller leaves.
   */
  stream?: Readable;
}

/**
 * JSON that is already text. Payloads go out as they came in: parsed and printed again, an order
 * number beyond 2^53 would come out as another one.
 */
export function jsonText(text: string): Required<Pick<Reply, 'body' | 'headers'>> {
  return { body: text, headers: { 'content-type': 'application/json; charset=utf-8' } };
}

/** What an object is, for the audit log: no secrets, no payloads. */
export interface AuditState {
  /** Whose it is; null: nobody's. */
  merchantId: string | null;
  state: Record<string, unknown>;
}

/** What the audit log keeps of a changing call, besides who made it, when, why and how it ended. */
export interface Audit<Params, Query, Body> {
  /** `endpoint.update`: a kind of object, and what is done to it. */
  action: `${string}.${string}`;
  /** The object's id; the path's first parameter when absent. null: many, or none that can be named. */
  id?(call: Call<Params, Query, Body>): string | null;
  /** What the caller wants, in short. */
  asked?(call: Call<Params, Query, Body>): Record<string, unknown>;
  /**
   * Reads the object before the call and after it, as the caller may see it; null: there is none. Two
   * looks, not one transaction: what others change in between shows as if it were this call's.
   */
  look?(call: Call<Params, Query, Body>, id: string): Promise<AuditState | null>;
  /**
   * Whose calls are kept; operators' and merchants' when absent. What producers send and decide is the
   * product's own data, with the producer's key in its rows.
   */
  roles?: readonly Role[];
  /** Whether this very call is to change something; always, when absent. */
  when?(call: Call<Params, Query, Body>): boolean;
}

/**
 * One route as data: the HTTP layer mounts it, guards it by `roles`, validates by its schemas and
 * writes it into the OpenAPI document. Features export lists of these and know nothing of Express.
 */
export interface Route<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Entry extends z.ZodType = z.ZodType,
> {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** OpenAPI style: `/v1/queues/{name}`. */
  path: string;
  roles: readonly Role[];
  tag: Tag;
  summary: string;
  /** About the calling key alone, and never more than it has: open to keys whatever their scope. */
  inEveryScope?: true;
  params?: Params;
  query?: Query;
  body?: Body;
  items?: ItemRules<Entry>;
  /**
   * Content types taken besides JSON, such as `text/csv`. A body of these is given as `rawBody` alone,
   * and `body` as if none had come; so the schema must be optional.
   */
  textTypes?: readonly string[];
  /**
   * Takes in what producers send. When there is too much to do, these are admitted apart from all other
   * calls, so that neither kind can crowd out the other. Only for a `post` whose path has no parameter.
   */
  isIntake?: true;
  /** The query or the body names the one thing that is meant, which may be absent: 404. */
  asksForOne?: true;
  /** Bytes; 64 KiB when absent. */
  bodyLimitBytes?: number;
  /** status → schema of its JSON body (`null`: no body). Problems are documented by the HTTP layer. */
  responses: Record<number, z.ZodType | null>;
  /**
   * Headers that the handler reads, an object's members by their names. Told in the document, but not
   * validated: the handler finds all that came in `call.headers`.
   */
  requestHeaders?: z.ZodType;
  /**
   * status → the headers that the handler gives that answer, an object's members by their names; an optional
   * one is not always there. Those of all answers are documented by the HTTP layer.
   */
  responseHeaders?: Record<number, z.ZodType>;
  /** Content types besides JSON that the caller may choose by `Accept`; the handler obeys it. */
  alsoAnswers?: readonly string[];
  /** For every method but `get`: how the call is kept in the audit log, or that it only asks. */
  audit?: Audit<z.output<Params>, z.output<Query>, z.output<Body>> | 'changes nothing';
  /** The 200 is a stream of this content type and no JSON; its schema is that of an event's data. */
  streamType?: string;
  handle(
    call: Call<z.output<Params>, z.output<Query>, z.output<Body>, z.output<Entry>>,
  ): Promise<Reply>;
}

/** What a key's `calls` must name for it to make this call; null: nothing. */
export function neededCall({ tag, method, audit, inEveryScope }: Route): CallName | null {
  return inEveryScope ? null : callName(tag, method !== 'get' && audit !== 'changes nothing');
}

/** 403: the role may do it, this very key may not. */
export function outOfScope(detail: string): Problem {
  return new Problem(403, 'out_of_scope', detail);
}

/** @throws Problem 403 where the key's scope does not have the call */
export function requireCall({ calls }: Principal, needed: CallName | null): void {
  if (calls === undefined || needed === null || calls.includes(needed)) return;
  throw outOfScope(`This takes ${needed}. The key may call ${calls.join(', ')} alone.`);
}

/** The header of an answer to what has made something that can be read. */
export const locationHeader = z.object({ Location: z.string().describe('Its address.') });

/** Keeps the types of a route's schemas together while it is written; forgets them for the table. */
export function route<
  P extends z.ZodType,
  Q extends z.ZodType,
  B extends z.ZodType,
  E extends z.ZodType,
>(definition: Route<P, Q, B, E>): Route {
  return definition as unknown as Route;
}
