import type { IncomingMessage, ServerResponse } from 'node:http';
import { type BranchCall, readBranchCall } from './call.ts';
import { type FenceSql, fence } from './fence.ts';

/** Thrown by a participant's `try` when it cannot be done: answered 409, and nothing is kept. */
export class TryRefused extends Error {
  readonly code: string;

  /** @param code machine-readable, e.g. `out_of_stock` */
  constructor(code: string) {
    super(code);
    this.name = 'TryRefused';
    this.code = code;
  }
}

type Business<Tx> = (tx: Tx, call: BranchCall) => Promise<unknown>;

export interface FenceOptions<Tx> {
  /** The producer key's `callbackSecret`, `whsec_…`; several while one takes the place of another. */
  secret: string | readonly string[];
  /**
   * Whose calls this route takes; needed where producers share a participant, one route with its own secret for
   * each. A gid is unique to its producer only, so the fence keeps it as `<producer>:<gid>`.
   */
  producer?: string;
  /** Runs work in one transaction of the participant's database, and rolls it back when it throws. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** `pgFence` or `prismaFence`. */
  sql(tx: Tx): FenceSql;
  try: Business<Tx>;
  confirm: Business<Tx>;
  cancel: Business<Tx>;
}

/** As Express (4 and 5) and Connect mount them; `body` is there where something has read it before. */
type Middleware = (
  request: IncomingMessage & { body?: unknown },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** More than any payload that the gateway takes. */
const MOST_BODY_BYTES = 256 * 1024;

/**
 * One route for all three calls of a branch: checks that the gateway signed the very bytes that
 * came, as this call of this branch, and runs its business behind the fence, in one transaction.
 *
 * Mount it before `express.json()`, or behind `express.raw({ type: () => true })`: a parsed body cannot
 * be verified. Answers 200, 409 with `{code}`, 401 for a wrong signature, 400 for what no gateway
 * sends; what the business throws goes to `next`, except `TryRefused`.
 *
 * ```ts
 * app.post('/tcc', fenceMiddleware({
 *   secret: process.env.CALLBACK_SECRET,
 *   transaction: (work) => prisma.$transaction(work),
 *   sql: prismaFence,
 *   try: (tx, { payload }) => freeze(tx, payload),
 *   confirm: (tx, { payload }) => sell(tx, payload),
 *   cancel: (tx, { payload }) => thaw(tx, payload),
 * }));
 * ```
 */
export function fenceMiddleware<Tx>(options: FenceOptions<Tx>): Middleware {
  const secrets = typeof options.secret === 'string' ? [options.secret] : options.secret;

  const fencedGid = (gid: string) =>
    options.producer === undefined ? gid : `${options.producer}:${gid}`;

  async function answer(
    request: IncomingMessage & { body?: unknown },
  ): Promise<{ status: number; code?: string; ran?: boolean }> {
    const body = await rawBody(request);
    if (body === null) return { status: 413, code: 'too_large' };
    const call = readBranchCall(request.headers, body, secrets);
    if (call === 'not_genuine') return { status: 401, code: call };
    if (call === 'no_branch_call') return { status: 400, code: call };
    try {
      return await options.transaction((tx) =>
        fence(options.sql(tx), { ...call, gid: fencedGid(call.gid) }, () =>
          options[call.op](tx, call),
        ),
      );
    } catch (error) {
      // Only a try may be refused: the other two have been decided.
      if (call.op !== 'try' || !(error instanceof TryRefused)) throw error;
      return { status: 409, code: error.code };
    }
  }

  return (request, response, next) => {
    answer(request).then(({ status, ...rest }) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(rest));
    }, next);
  };
}

/** @returns null for what is too large */
export async function rawBody(
  request: IncomingMessage & { body?: unknown },
): Promise<Buffer | null> {
  if (Buffer.isBuffer(request.body)) return request.body;
  if (request.readableEnded) {
    throw new TypeError('The raw body is needed: mount this before express.json().');
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
