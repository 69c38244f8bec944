import { useCallback, useMemo } from 'react';
import { type Path, useLocation, useNavigate } from 'react-router';

export const MOST_KEYS = 500;

/**
 * The keys looked for, from the address: one as `?key=…`, which others link to; several behind the `#`,
 * which is never sent to a server, as 500 of them would be longer than servers take.
 */
export function useKeys(): { keys: string[]; look(keys: string[]): void } {
  const { search, hash } = useLocation();
  const navigate = useNavigate();
  const keys = useMemo(() => {
    const one = new URLSearchParams(search).get('key');
    if (one !== null) return [one];
    return hash.slice(1).split(',').filter(Boolean).map(decoded);
  }, [search, hash]);
  const look = useCallback(
    (wanted: string[]) => {
      void navigate(addressOf(search, wanted));
    },
    [search, navigate],
  );
  return { keys, look };
}

/** Where they are shown. @param search of the address so far, which says whose they are */
export function addressOf(search: string, wanted: readonly string[]): Partial<Path> {
  const params = new URLSearchParams(search);
  params.delete('key');
  const [only] = wanted;
  if (wanted.length === 1 && only !== undefined) params.set('key', only);
  return {
    search: String(params),
    hash: wanted.length > 1 ? wanted.map(encodeURIComponent).join(',') : '',
  };
}

/** A key a line, as people paste them. */
export function splitLines(text: string): string[] {
  const lines = text.split(/[\r\n]+/).map((line) => line.trim());
  return [...new Set(lines.filter((line) => line !== ''))];
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
