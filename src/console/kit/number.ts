/** `1,234`, `12.3K`; in Chinese `1.2万`. */
export function count(value: number, language: string): string {
  const notation = value < 10_000 ? 'standard' : 'compact';
  return new Intl.NumberFormat(language, { notation, maximumFractionDigits: 1 }).format(value);
}

const LEAST = 0.001;

/** `99.95%`. What is not quite all is never shown as 100 %, nor what is a little as nothing. */
export function percent(share: number | null, language: string): string {
  if (share === null) return '—';
  const format = new Intl.NumberFormat(language, {
    style: 'percent',
    maximumFractionDigits: share > 0.99 ? 2 : 1,
    roundingMode: 'trunc',
  });
  return share > 0 && share < LEAST ? `< ${format.format(LEAST)}` : format.format(share);
}
