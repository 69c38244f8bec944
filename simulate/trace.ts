/** What has happened: a hash over all of it, and the last of it in words. */
export interface Trace {
  note(atMs: number, ...words: (string | number | null)[]): void;
  readonly hash: string;
  readonly last: string[];
}

const KEPT = 60;

export function createTrace(): Trace {
  // FNV-1a: a difference anywhere shows, and nothing else is asked of it.
  let hash = 0x811c9dc5;
  const kept: string[] = [];
  let count = 0;
  return {
    note(atMs, ...words) {
      const line = `${atMs} ${words.join(' ')}`;
      for (let index = 0; index < line.length; index += 1) {
        hash = Math.imul(hash ^ line.charCodeAt(index), 0x01000193);
      }
      kept[count % KEPT] = line;
      count += 1;
    },
    get hash() {
      return (hash >>> 0).toString(16).padStart(8, '0');
    },
    get last() {
      const oldest = count % KEPT;
      return count <= KEPT ? kept : [...kept.slice(oldest), ...kept.slice(0, oldest)];
    },
  };
}
