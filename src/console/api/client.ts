/** What the API answers when it refuses (RFC 9457). */
export interface Problem {
  status: number;
  code: string;
  detail: string;
  requestId: string;
  errors?: { path: string; message: string }[];
}

/** How the API is told in a link which form of a file is wanted. */
export type FileFormat = 'csv' | 'ndjson' | 'json';

export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.name = 'ApiError';
    this.problem = problem;
  }
}

/** Whether it is an answer of the API with this code, such as `already_delivered`. */
export function isCode(error: unknown, code: string): boolean {
  return error instanceof ApiError && error.problem.code === code;
}

type Query = Record<string, string | number | boolean | null | undefined>;

interface Options {
  query?: Query;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, under this type. */
  text?: { type: string; content: string };
  signal?: AbortSignal | undefined;
}

/** The session's token, which changing calls must know; set by api/session.ts. */
let csrfToken = '';

export function setCsrfToken(token: string): void {
  csrfToken = token;
}

/** Told when a call finds that nobody is logged in any more. */
let onLoggedOut: () => void = () => {};

export function whenLoggedOut(tell: () => void): void {
  onLoggedOut = tell;
}

/** @throws ApiError when the gateway refuses, or cannot be reached (status 0, `unreachable`) */
export async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const answer = await request(method, path, options);
  if (answer.status === 204) return undefined as T;
  return (await answer.json()) as T;
}

/** The answer itself, for what is too long to be held; else as `call`. */
export async function request(
  method: string,
  path: string,
  options: Options = {},
): Promise<Response> {
  const { body, text, signal } = options;
  const content = text?.content ?? (body === undefined ? undefined : JSON.stringify(body));
  const answer = await fetch(withQuery(path, options.query), {
    method,
    credentials: 'same-origin',
    headers: {
      ...(method !== 'GET' && { 'x-csrf-token': csrfToken }),
      ...(content !== undefined && { 'content-type': text?.type ?? 'application/json' }),
    },
    ...(content !== undefined && { body: content }),
    ...(signal !== undefined && { signal }),
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new ApiError({ status: 0, code: 'unreachable', detail: '', requestId: '' });
  });
  if (answer.ok) return answer;
  const error = new ApiError(await problemOf(answer));
  if (answer.status === 401 && path !== '/console/session') onLoggedOut();
  throw error;
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal) =>
  call<T>('GET', path, { ...(query && { query }), signal });

/** @param query null, undefined and '' are left out */
export function withQuery(path: string, query: Query = {}): string {
  const set = Object.entries(query).filter(([, value]) => value != null && value !== '');
  const text = new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? path : `${path}?${text}`;
}

async function problemOf(answer: Response): Promise<Problem> {
  const problem = (await answer.json().catch(() => ({}))) as Partial<Problem>;
  return {
    status: answer.status,
    code: problem.code ?? 'unreadable',
    detail: problem.detail ?? answer.statusText,
    requestId: problem.requestId ?? answer.headers.get('x-request-id') ?? '',
    ...(problem.errors && { errors: problem.errors }),
  };
}
