/**
 * One line of CSV (RFC 4180). What is absent is an empty field; only what holds a comma, a quote or a
 * line break stands in quotes. There is one way to write each row, so that a digest of the lines is
 * one of the rows.
 *
 * @param isDefused whether text that a spreadsheet would run as a formula gets a `'` before it; numbers are none
 */
export function csvLineOf(fields: readonly (string | number | null)[], isDefused = true): string {
  return `${fields.map((field) => csvField(field, isDefused)).join(',')}\r\n`;
}

const FORMULA = /^[=+\-@\t\r]/;
const NUMBER = /^-?\d+(\.\d+)?$/;

function csvField(value: string | number | null, isDefused: boolean): string {
  if (value === null) return '';
  const plain = String(value);
  const isFormula = isDefused && FORMULA.test(plain) && !NUMBER.test(plain);
  const text = isFormula ? `'${plain}` : plain;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
