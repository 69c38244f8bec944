import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Reply } from '../api/route.ts';
import { mayAnswer } from './request/unread.ts';

/** What goes on the wire, ready made: it can be sent, and kept to be sent once more. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  /** `null`: no body. */
  body: string | null;
  /** As the reply says. */
  isUnfinished?: true;
}

const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * A handler's reply as text. A string under a content type of the reply's own is sent as it is
 * (CSV, JSON that is already text); everything else becomes JSON.
 */
export function answerOf(reply: Reply): Answer {
  const headers = reply.headers ?? {};
  if (reply.isUnfinished === true) {
    const { isUnfinished, ...rest } = reply;
    return { ...answerOf(rest), isUnfinished };
  }
  if (reply.body === undefined) return { status: reply.status, headers, body: null };
  const hasOwnType = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
  if (hasOwnType && typeof reply.body === 'string') {
    return { status: reply.status, headers, body: reply.body };
  }
  return {
    status: reply.status,
    headers: hasOwnType ? headers : { ...headers, 'content-type': JSON_TYPE },
    body: JSON.stringify(reply.body),
  };
}

// `res.json()` and `res.send()` would add an ETag, parse the content type and look for a charset.
export function send(res: ServerResponse, answer: Answer): void {
  if (!mayAnswer(res)) return;
  res.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers)) res.setHeader(name, value);
  if (answer.body === null) {
    res.end();
    return;
  }
  // Node drops the body of an answer to HEAD, and its length with it.
  if (res.req.method === 'HEAD') res.setHeader('content-length', Buffer.byteLength(answer.body));
  res.end(answer.body);
}

/**
 * Sends a body as it is made, as fast as the caller reads. A caller who leaves ends the stream; that
 * is no error, the request's log line says `aborted`.
 *
 * @throws what the stream throws; the answer has begun by then and can only be cut off
 */
export async function sendStream(
  res: ServerResponse,
  { status, headers = {} }: Reply,
  stream: Readable,
): Promise<void> {
  if (!mayAnswer(res)) {
    stream.destroy();
    return;
  }
  res.statusCode = status;
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  if (res.req.method === 'HEAD') {
    stream.destroy();
    res.end();
    return;
  }
  try {
    await pipeline(stream, res);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}
