import { invalid } from '../../api/problem.ts';
import { withoutMark } from '../../platform/json/text.ts';

/** A row of a CSV text. The header is row 1, as a spreadsheet counts. */
export interface CsvRow {
  row: number;
  fields: string[];
}

const PLAIN = /[^",\r\n]*/y;
const END_OF_LINE = /\r?\n/y;

/**
 * Reads CSV as RFC 4180 has it, strictly: commas, double quotes, LF or CRLF, a byte order mark or
 * none. Nothing is guessed: what a spreadsheet would repair is a fault here, as it may be money.
 *
 * @throws Problem 422 that names the row
 */
export function* readCsv(given: string): Generator<CsvRow, undefined> {
  const text = withoutMark(given);
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const [match] = pattern.exec(text) ?? [];
    at += match?.length ?? 0;
    return match;
  };
  for (let row = 1; at < text.length; row += 1) {
    const fields: string[] = [];
    for (;;) {
      if (text[at] === '"') {
        const end = closingQuote(text, at + 1, row);
        fields.push(text.slice(at + 1, end).replaceAll('""', '"'));
        at = end + 1;
      } else {
        fields.push(take(PLAIN) ?? '');
      }
      if (text[at] === ',') at += 1;
      else if (at === text.length || take(END_OF_LINE) !== undefined) break;
      else throw misplaced(row, text[at]);
    }
    yield { row, fields };
  }
  return undefined;
}

/** Two in a row stand for one and close nothing. */
function closingQuote(text: string, from: number, row: number): number {
  for (let at = from; ; at += 2) {
    at = text.indexOf('"', at);
    if (at === -1) throw rowFault(row, 'A quote is not closed.');
    if (text[at + 1] !== '"') return at;
  }
}

function misplaced(row: number, character: string | undefined) {
  return rowFault(
    row,
    character === '\r'
      ? 'A line ends with CR alone; expected LF or CRLF.'
      : 'A quote does not begin or end a field; quote the whole field and double the quotes in it.',
  );
}

export function rowFault(row: number, message: string) {
  return invalid(`row ${row}`, `Row ${row}: ${message}`);
}
