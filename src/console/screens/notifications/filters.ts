import { useMemo } from 'react';
import { DELIVERY_STATUSES } from '../../api/notifications.ts';
import { boundsOf } from '../../kit/period.tsx';
import { useStatusAddress } from '../../kit/status-address.ts';

const NAMES = ['q', 'status', 'queue', 'type', 'merchant', 'last', 'from', 'to'] as const;

export type Filters = ReturnType<typeof useFilters>;

/** What is looked for, as it stands in the address: a link to it shows the same. */
export function useFilters() {
  return useStatusAddress(NAMES, DELIVERY_STATUSES);
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
