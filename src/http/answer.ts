import type { ServerResponse } from 'node:http';
import type { Reply } from '../route.ts';

/** What goes on the wire, ready made: it can be sent, and kept to be sent once more. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  /** `null`: no body. */
  body: string | null;
}

const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * A handler's reply as text. A string under a content type of the reply's own is sent as it is
 * (CSV, JSON that is already text); everything else becomes JSON.
 */
export function answerOf(reply: Reply): Answer {
  const headers = reply.headers ?? {};
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
