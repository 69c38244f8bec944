/** The receiver's side of the gateway's API: what it asks when nobody told it. */
export interface GatewayClient {
  get(path: string): Promise<Answer>;
  post(path: string, body: unknown): Promise<Answer>;
}

// biome-ignore lint/suspicious/noExplicitAny: shapes are in /openapi.json
type Answer = any;

/** @param key the merchant's own key */
export function gatewayClient(url: string, key: string): GatewayClient {
  async function call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const answer: Answer = response.status === 204 ? null : await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer.detail}`);
    return answer;
  }
  return { get: (path) => call('GET', path), post: (path, body) => call('POST', path, body) };
}
