import type { Format } from './accepts.ts';

/** A list that may be too long to be held, ready to be read. */
export interface Export {
  /** What stands above the rows in its JSON form. */
  head: object;
  /** The first line of its CSV form. */
  csvHeader: string;
  /** A row as it was parsed from its JSON, as a line of the CSV form. */
  csvLine(row: unknown): string;
  /** Of the CSV form's bytes, as hex, where that is known. */
  csvSha256: string | null;
  rowCount: number;
  /** Its rows as lines of JSON, a chunk at a time; the same each time. */
  chunks(): AsyncGenerator<string[]>;
  /** To be called when nobody will read any more. */
  close(): Promise<void>;
}

/** An export in one of its forms, piece by piece: the same bytes each time. Its rows are the same in each. */
export function render(given: Export, format: Format): AsyncGenerator<string> {
  switch (format) {
    case 'application/json':
      return asJson(given);
    case 'text/csv':
      return asCsv(given);
    case 'application/x-ndjson':
      return asNdjson(given);
  }
}

async function* asJson({ head, chunks }: Export): AsyncGenerator<string> {
  yield `${JSON.stringify(head).slice(0, -1)},"rows":[`;
  let separator = '\n';
  for await (const lines of chunks()) {
    yield separator + lines.join(',\n');
    separator = ',\n';
  }
  yield '\n]}\n';
}

async function* asCsv({ csvHeader, csvLine, chunks }: Export): AsyncGenerator<string> {
  yield csvHeader;
  for await (const lines of chunks()) {
    yield lines.map((line) => csvLine(JSON.parse(line))).join('');
  }
}

async function* asNdjson({ chunks }: Export): AsyncGenerator<string> {
  for await (const lines of chunks()) yield `${lines.join('\n')}\n`;
}
