import { Agent, request } from 'undici';

/** A request as it goes on the wire. */
export interface Ask {
  method: string;
  /** Path and query, already encoded. */
  target: string;
  headers?: Record<string, string>;
  body?: string | Buffer | AsyncIterable<Buffer>;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  durationMs: number;
}

export interface Client {
  /** @throws when there is no answer within `ANSWER_MS` */
  ask(ask: Ask): Promise<Answer>;
  close(): Promise<void>;
}

/** Nothing of the API may take longer. */
export const ANSWER_MS = 5000;

/** A client that keeps its connections; what fetch would refuse to send, it sends. */
export function openClient(url: () => string, connections: number): Client {
  const agent = new Agent({ connections, pipelining: 1 });
  return {
    async ask({ method, target, headers = {}, body }) {
      const startedAt = performance.now();
      const response = await request(`${url()}${target}`, {
        dispatcher: agent,
        method: method as 'GET',
        headers,
        ...(body !== undefined && { body: body as Buffer }),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      // A stream of events has no end; that it began is all there is to know.
      const isEndless = `${response.headers['content-type']}`.startsWith('text/event-stream');
      const text = isEndless ? '' : await response.body.text();
      if (isEndless) response.body.on('error', () => {}).destroy();
      const durationMs = performance.now() - startedAt;
      return { status: response.statusCode, headers: response.headers, text, durationMs };
    },
    close: () => agent.destroy(),
  };
}

/** Words that only our insides know. */
const INSIDES =
  /node_modules|\/src\/|\.(ts|js|mjs):\d|\bat \S+ \(|prisma|postgres|ECONN|EPIPE|SQLSTATE|relation "|\b(SELECT|INSERT INTO|UPDATE|DELETE FROM) |\/(root|home|tmp|usr|var)\//i;

/** What a problem tells of our insides. */
export function insideOf(problem: string): string[] {
  // What the caller wrote himself may come back, in the path and as the name of a field.
  const { instance: _instance, errors = [], ...ours } = JSON.parse(problem);
  const texts = [JSON.stringify(ours), ...errors.map((each: { message: string }) => each.message)];
  return texts.filter((text) => INSIDES.test(text));
}
