/**
 * One line of CSV (RFC 4180). What is absent is an empty field; only what holds a comma, a quote or a
 * line break stands in quotes. There is one way to write each row, so that a digest of the lines is
 * one of the rows.
 */
export function csvLineOf(fields: readonly (string | number | null)[]): string {
  return `${fields.map(csvField).join(',')}\r\n`;
}

function csvField(value: string | number | null): string {
  if (value === null) return '';
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
