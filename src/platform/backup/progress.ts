/** Where a long work says how far it is. */
export interface Progress {
  /**
   * Begins the next part of the work.
   * @param total of whatever is counted, bytes or tables
   * @returns tells how much more of it is done
   */
  begin(what: 'copying' | 'checking' | 'summing up', total: number): (done: number) => void;
}

/** `1.2 GB`, `340 MB`, `0.4 MB`. */
export function megabytes(bytes: number): string {
  const mb = bytes / 1e6;
  if (mb >= 1_000) return `${(mb / 1_000).toFixed(1)} GB`;
  return `${mb >= 10 ? Math.round(mb) : mb.toFixed(1)} MB`;
}
