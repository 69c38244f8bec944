import type { Format } from './accepts.ts';
import { SHA256_OF } from './contract.ts';
import { CSV_HEADER, csvLine } from './row.ts';
import type { Statement } from './statements.ts';

/** A statement in one of its forms, piece by piece: the same bytes each time. Its rows are the same in each. */
export function render(statement: Statement, format: Format): AsyncGenerator<string> {
  switch (format) {
    case 'application/json':
      return asJson(statement);
    case 'text/csv':
      return asCsv(statement);
    case 'application/x-ndjson':
      return asNdjson(statement);
  }
}

async function* asJson(statement: Statement): AsyncGenerator<string> {
  const { date, timezone, merchantId, revision, closed, rowCount, sha256, totals } = statement;
  const about = { date, timezone, merchantId, revision, closed, rowCount };
  const head = { ...about, sha256, sha256Of: SHA256_OF, totals };
  yield `${JSON.stringify(head).slice(0, -1)},"rows":[`;
  let separator = '\n';
  for await (const lines of statement.chunks()) {
    yield separator + lines.join(',\n');
    separator = ',\n';
  }
  yield '\n]}\n';
}

async function* asCsv(statement: Statement): AsyncGenerator<string> {
  yield CSV_HEADER;
  for await (const lines of statement.chunks()) {
    yield lines.map((line) => csvLine(JSON.parse(line))).join('');
  }
}

async function* asNdjson(statement: Statement): AsyncGenerator<string> {
  for await (const lines of statement.chunks()) yield `${lines.join('\n')}\n`;
}
