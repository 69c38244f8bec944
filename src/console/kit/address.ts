import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';

export interface Address<Name extends string> {
  /** '' where the address does not say. */
  values: Record<Name, string>;
  /** Several at once: two changes in a row would each begin from the same address. */
  set(changes: Partial<Record<Name, string>>): void;
}

/**
 * What a screen looks for, as it stands in the address: a link to it shows the same.
 *
 * @param names must be the same array each time
 */
export function useAddress<const Name extends string>(names: readonly Name[]): Address<Name> {
  const [params, setParams] = useSearchParams();
  const values = useMemo(
    () => Object.fromEntries(names.map((name) => [name, params.get(name) ?? ''])),
    [names, params],
  );
  const set = useCallback(
    (changes: Partial<Record<Name, string>>) => {
      // Not what was rendered of it: a change may be under way.
      const after = new URLSearchParams(window.location.search);
      for (const [name, value] of Object.entries<string | undefined>(changes)) {
        if (value === undefined || value === '') after.delete(name);
        else after.set(name, value);
      }
      setParams(after, { replace: true, preventScrollReset: true });
    },
    [setParams],
  );
  return useMemo(() => ({ values: values as Record<Name, string>, set }), [values, set]);
}
