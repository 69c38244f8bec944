import { useQuery } from '@tanstack/react-query';
import { type FileFormat, request, withQuery } from './client.ts';
import type { StatementView } from './recovery.ts';

export interface WantedStatement {
  merchantId: string;
  date: string;
  timezone: string;
}

const MOST_ROWS = 100;
const ROWS_FOLLOW = '"rows":[';

/** A statement's head and its first rows; a day may have a million. @param wanted null: not yet */
export function useStatement(wanted: WantedStatement | null) {
  return useQuery({
    queryKey: ['statement', wanted],
    queryFn: ({ signal }) => readStart(wanted as WantedStatement, signal),
    enabled: wanted !== null,
    // Each look at an open day sums it up anew: somebody must want it.
    staleTime: 60_000,
    refetchOnWindowFocus: false,
  });
}

/** Where a browser fetches the whole of it as a file. */
export function fileOf(wanted: WantedStatement, format: FileFormat): string {
  const { date, ...query } = wanted;
  return withQuery(`/v1/statements/${date}`, { ...query, format });
}

/** Reads as far as is shown and hangs up; the gateway stops there as well. */
async function readStart(wanted: WantedStatement, signal: AbortSignal): Promise<StatementView> {
  const { date, ...query } = wanted;
  const reading = new AbortController();
  const answer = await request('GET', `/v1/statements/${date}`, {
    query,
    signal: AbortSignal.any([signal, reading.signal]),
  });
  try {
    return await readRows(answer);
  } finally {
    reading.abort();
  }
}

/** The head is one line, each row another. */
async function readRows(answer: Response): Promise<StatementView> {
  const reader = (answer.body as ReadableStream<Uint8Array>)
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    text += value ?? '';
    const lines = text.split('\n');
    if (done || lines.length > MOST_ROWS + 2) return parse(lines);
  }
}

function parse([head = '', ...lines]: string[]): StatementView {
  if (!head.endsWith(ROWS_FOLLOW)) throw new Error('This is not a statement.');
  const rows = lines
    .filter((line) => line.startsWith('{'))
    .slice(0, MOST_ROWS)
    .map((line) => JSON.parse(line.replace(/,$/, '')));
  return { ...JSON.parse(`${head}]}`), rows };
}
