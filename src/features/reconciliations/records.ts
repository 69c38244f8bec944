import { createHash } from 'node:crypto';
import { setImmediate as nextTick } from 'node:timers/promises';
import { type FieldError, invalid, Problem } from '../../api/problem.ts';
import { MAX_RECORDS, type Record, record } from './contract.ts';
import { readCsv, rowFault } from './csv.ts';

const COLUMNS = ['businessKey', 'status', 'amount', 'currency'];
const MAX_ERRORS = 20;
/** Rows read, compared or digested before others get their turn. */
const ROWS_AT_ONCE = 5000;

/**
 * A merchant's list as CSV: a header row with the four columns in this order, then its records. An
 * empty amount and currency is a row without money.
 *
 * @throws Problem 422 with the numbers of the rows that are wrong; the header is row 1
 */
export async function readCsvRecords(text: string): Promise<Record[]> {
  if (text.includes('\u0000')) throw invalid('body', 'The body holds the character NUL.');
  const records: Record[] = [];
  const errors: FieldError[] = [];
  const rows = readCsv(text);
  requireHeader(rows.next().value?.fields);
  for (const { row, fields } of rows) {
    if (records.length === MAX_RECORDS) throw rowFault(row, `At most ${MAX_RECORDS} records.`);
    records.push(readRecord(row, fields, errors));
    if (errors.length >= MAX_ERRORS) break;
    if (row % ROWS_AT_ONCE === 0) await nextTick();
  }
  const [first] = errors;
  if (first !== undefined) throw new Problem(422, 'invalid_request', first.message, { errors });
  return records;
}

function requireHeader(fields: string[] | undefined): void {
  if (JSON.stringify(fields) !== JSON.stringify(COLUMNS)) {
    throw rowFault(1, `The first row must be ${COLUMNS.join(',')}.`);
  }
}

function readRecord(row: number, fields: string[], errors: FieldError[]): Record {
  if (fields.length !== COLUMNS.length) {
    const has = fields.length === 1 ? '1 field' : `${fields.length} fields`;
    throw rowFault(row, `It has ${has} instead of ${COLUMNS.length}.`);
  }
  const [businessKey = '', status = '', amount, currency] = fields;
  const read = { businessKey, status, amount: amount || null, currency: currency || null };
  const checked = record.safeParse(read);
  for (const { path, message } of checked.error?.issues ?? []) {
    errors.push({ path: `row ${row}`, message: `Row ${row}, ${path.join('.')}: ${message}` });
  }
  return read;
}

/**
 * A key that comes twice has no single truth to compare.
 *
 * @param nameOf how the caller knows the record at an index
 * @throws Problem 422 with the later ones, at most 20
 */
export async function refuseDuplicates(
  records: Record[],
  nameOf: (index: number) => string,
): Promise<void> {
  const firsts = new Map<string, number>();
  const errors: FieldError[] = [];
  for (const [index, { businessKey }] of records.entries()) {
    if (index % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) await nextTick();
    const first = firsts.get(businessKey);
    if (first === undefined) firsts.set(businessKey, index);
    else if (errors.length < MAX_ERRORS) {
      const message = `${businessKey} stands in ${nameOf(first)} already.`;
      errors.push({ path: nameOf(index), message });
    }
  }
  const [first] = errors;
  if (first === undefined) return;
  throw new Problem(422, 'duplicate_business_key', `${first.path}: ${first.message}`, { errors });
}

/** The same for the same records, whatever their order, their form and the zeros behind an amount. */
export async function digestOf(records: Record[]): Promise<string> {
  const lines: string[] = [];
  for (const { businessKey, status, amount, currency } of records) {
    lines.push(JSON.stringify([businessKey, status, amount && plainest(amount), currency]));
    if (lines.length % ROWS_AT_ONCE === 0) await nextTick();
  }
  const hash = createHash('sha256');
  for (const [index, line] of lines.sort().entries()) {
    hash.update(line).update('\n');
    if (index % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) await nextTick();
  }
  return hash.digest('hex');
}

/** `100.00` → `100`, `-0.0` → `0` */
function plainest(amount: string): string {
  const short = amount.includes('.') ? amount.replace(/\.?0+$/, '') : amount;
  return short === '-0' ? '0' : short;
}
