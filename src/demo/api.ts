/** Calls the gateway's API as its users do. */
export type Api = <T>(method: 'GET' | 'POST' | 'PUT', path: string, body?: object) => Promise<T>;

/** @throws Error with the answer when it is not a 2xx, and when `signal` aborts */
export function apiOf(url: string, key: string, signal: AbortSignal): Api {
  return async <T>(method: string, path: string, body?: object) => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
      signal,
    });
    const answer = await response.text();
    if (!response.ok)
      throw new Error(`${method} ${path} was answered ${response.status}: ${answer}`);
    return JSON.parse(answer) as T;
  };
}
