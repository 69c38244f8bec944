import { until } from '../../support/until.ts';

interface Event {
  id: string;
  // biome-ignore lint/suspicious/noExplicitAny: events are looked into by the tests themselves
  data: any;
}

export interface EventReader {
  /** Attempts, in the order in which they came. */
  events: Event[];
  /** Names of all events, and `''` for each comment. */
  names: string[];
  waitFor(count: number): Promise<Event[]>;
  /** When the server has ended it. */
  ended: Promise<void>;
  close(): Promise<void>;
}

/** Reads server-sent events as a browser would. @throws where the answer is none */
export async function readEvents(
  url: string,
  key: string,
  headers: Record<string, string> = {},
): Promise<EventReader> {
  const leave = new AbortController();
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${key}`, connection: 'close', ...headers },
    signal: leave.signal,
  });
  const type = response.headers.get('content-type');
  if (response.status !== 200 || !type?.startsWith('text/event-stream')) {
    throw new Error(`${response.status} ${type} ${await response.text()}`);
  }
  const events: Event[] = [];
  const names: string[] = [];
  const take = (block: string) => {
    const fields = new Map(
      block.split('\n').map((line) => {
        const colon = line.indexOf(': ');
        return [line.slice(0, colon), line.slice(colon + 2)];
      }),
    );
    names.push(fields.get('event') ?? '');
    if (fields.get('event') !== 'attempt') return;
    events.push({ id: fields.get('id') ?? '', data: JSON.parse(fields.get('data') ?? '') });
  };
  const reading = (async () => {
    let text = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      blocks.forEach(take);
    }
  })();
  const ended = reading.catch(() => {});
  return {
    events,
    names,
    ended,
    async waitFor(count) {
      await until(() => events.length >= count, { what: `${count} events` });
      return events;
    },
    async close() {
      leave.abort();
      await ended;
    },
  };
}
