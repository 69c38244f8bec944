import { useMemo } from 'react';
import { useSearchParams } from 'react-router';
import { type Address, useAddress } from './address.ts';

/** What a list with states looks for. */
export interface StatusAddress<Name extends string, Status extends string> extends Address<Name> {
  /** Of those that there are. */
  statuses: Status[];
  isEmpty: boolean;
  clear(): void;
}

/**
 * As `useAddress`, with `status` as a list of states.
 *
 * @param names must be the same array each time, and have `status`
 */
export function useStatusAddress<const Name extends string, const Status extends string>(
  names: readonly (Name | 'status')[],
  known: readonly Status[],
): StatusAddress<Name | 'status', Status> {
  const address = useAddress<Name | 'status'>(names);
  const [params, setParams] = useSearchParams();
  const isEmpty = params.size === 0;
  return useMemo(() => {
    const wanted = address.values.status.split(',');
    return {
      ...address,
      statuses: known.filter((status) => wanted.includes(status)),
      isEmpty,
      clear: () => setParams({}, { replace: true }),
    };
  }, [address, known, isEmpty, setParams]);
}
