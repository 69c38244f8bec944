const THOUSANDS = /\B(?=(\d{3})+$)/g;

/**
 * `1,234,567.80 CNY`. Written from the text, never through a number: 18 digits do not fit into one.
 *
 * @param amount a decimal; null: there is none
 */
export function money(
  amount: string | null | undefined,
  currency: string | null | undefined,
): string {
  if (amount === null || amount === undefined) return currency ?? '—';
  const [whole = '', decimals] = amount.split('.');
  const grouped = whole.replace(THOUSANDS, ',');
  const text = decimals === undefined ? grouped : `${grouped}.${decimals}`;
  return currency ? `${text} ${currency}` : text;
}
