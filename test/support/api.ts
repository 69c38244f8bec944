import { mustConform } from './conformance.ts';

/** An answer of the API. Bodies are what the test says they are: it checks them anyway. */
export interface ApiAnswer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by the tests themselves
  body: any;
  text: string;
}

/** A call under way; `expect` fails with the whole answer when the status is another one. */
interface ApiCall extends Promise<ApiAnswer> {
  expect(status: number): Promise<ApiAnswer>;
}

export interface Api {
  get(path: string, headers?: Record<string, string>): ApiCall;
  post(path: string, body?: unknown, headers?: Record<string, string>): ApiCall;
  put(path: string, body: unknown): ApiCall;
  patch(path: string, body: unknown): ApiCall;
  delete(path: string): ApiCall;
}

/** @param body an object is sent as JSON, a string as it is */
export function apiOf(url: () => string, key: string): Api {
  const call = (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): ApiCall => {
    const answer = send(url(), path, method, body, {
      authorization: `Bearer ${key}`,
      ...headers,
    });
    return Object.assign(answer, {
      async expect(status: number) {
        const { status: got, text } = await answer;
        if (got !== status) throw new Error(`${method} ${path}: ${got}, not ${status}: ${text}`);
        return answer;
      },
    });
  };
  return {
    get: (path, headers) => call('GET', path, undefined, headers),
    post: (path, body, headers) => call('POST', path, body, headers),
    put: (path, body) => call('PUT', path, body),
    patch: (path, body) => call('PATCH', path, body),
    delete: (path) => call('DELETE', path),
  };
}

/** Every answer is checked against the document that its gateway serves. */
async function send(
  origin: string,
  target: string,
  method: string,
  body: unknown,
  headers: Record<string, string>,
): Promise<ApiAnswer> {
  const leave = new AbortController();
  const response = await fetch(`${origin}${target}`, {
    signal: leave.signal,
    method,
    headers: {
      // A connection of its own: a kept one would be taken for a leak.
      connection: 'close',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const contentType = response.headers.get('content-type');
  // Server-sent events have no end; that they began is all there is to know here.
  const isEndless = contentType?.startsWith('text/event-stream') ?? false;
  const text = isEndless ? '' : await response.text();
  if (isEndless) leave.abort();
  const { status, headers: answered } = response;
  await mustConform(origin, { method, target, status, headers: answered, text });
  const isJson = /[/+]json/.test(contentType ?? '');
  return {
    status: response.status,
    headers: response.headers,
    body: isJson && text !== '' ? JSON.parse(text) : text,
    text,
  };
}
