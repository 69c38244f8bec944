import { useMemo } from 'react';
import { useSearchParams } from 'react-router';
import { DELIVERY_STATUSES, type DeliveryStatus } from '../../api/notifications.ts';
import { type Address, useAddress } from '../../kit/address.ts';
import { boundsOf } from '../../kit/period.tsx';

const NAMES = ['q', 'status', 'queue', 'type', 'merchant', 'last', 'from', 'to'] as const;

/** What is looked for, as it stands in the address: a link to it shows the same. */
export interface Filters extends Address<(typeof NAMES)[number]> {
  statuses: DeliveryStatus[];
  isEmpty: boolean;
  clear(): void;
}

export function useFilters(): Filters {
  const address = useAddress(NAMES);
  const [params, setParams] = useSearchParams();
  const isEmpty = params.size === 0;
  return useMemo(() => {
    const wanted = address.values.status.split(',');
    return {
      ...address,
      statuses: DELIVERY_STATUSES.filter((status) => wanted.includes(status)),
      isEmpty,
      clear: () => setParams({}, { replace: true }),
    };
  }, [address, isEmpty, setParams]);
}

/** As the API takes them; `last` counts from the moment it was chosen. */
export function useQueryOf({ values, statuses }: Filters) {
  return useMemo(
    () => ({
      search: values.q.trim(),
      status: statuses.join(','),
      queue: values.queue,
      type: values.type.trim(),
      merchantId: values.merchant.trim(),
      ...boundsOf(values),
    }),
    [values, statuses],
  );
}
