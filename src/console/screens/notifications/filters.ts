import { useMemo } from 'react';
import { useSearchParams } from 'react-router';
import { DELIVERY_STATUSES, type DeliveryStatus } from '../../api/notifications.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** How far back each of them looks. */
export const PERIODS = {
  '15m': 15 * MINUTE,
  '1h': HOUR,
  '24h': 24 * HOUR,
  '7d': 7 * 24 * HOUR,
} as const;
export type Period = keyof typeof PERIODS;

const TEXTS = ['q', 'queue', 'type', 'merchant', 'last', 'from', 'to'] as const;
type TextName = (typeof TEXTS)[number];

/** What is looked for, as it stands in the address: a link to it shows the same. */
export interface Filters extends Record<TextName, string> {
  status: DeliveryStatus[];
  isEmpty: boolean;
  /** Several at once: two changes in a row would each begin from the same address. */
  set(changes: Partial<Record<TextName, string>>): void;
  setStatus(statuses: readonly string[]): void;
  clear(): void;
}

export function useFilters(): Filters {
  const [params, setParams] = useSearchParams();
  return useMemo(() => {
    const texts = Object.fromEntries(TEXTS.map((name) => [name, params.get(name) ?? '']));
    const wanted = (params.get('status') ?? '').split(',');
    const change = (changes: Record<string, string>) => {
      const after = new URLSearchParams(params);
      for (const [name, value] of Object.entries(changes)) {
        if (value === '') after.delete(name);
        else after.set(name, value);
      }
      setParams(after, { replace: true });
    };
    return {
      ...(texts as Record<TextName, string>),
      status: DELIVERY_STATUSES.filter((status) => wanted.includes(status)),
      isEmpty: [...params.keys()].length === 0,
      set: change,
      setStatus: (statuses) => change({ status: statuses.join(',') }),
      clear: () => setParams({}, { replace: true }),
    };
  }, [params, setParams]);
}

/** As the API takes them; `last` counts from the moment it was chosen. */
export function useQueryOf(filters: Filters) {
  const { q, status, queue, type, merchant, last, from, to } = filters;
  return useMemo(() => {
    const back = last in PERIODS ? PERIODS[last as Period] : null;
    return {
      search: q.trim(),
      status: status.join(','),
      queue,
      type: type.trim(),
      merchantId: merchant.trim(),
      from: back === null ? timeOf(from) : new Date(Date.now() - back).toISOString(),
      to: back === null ? timeOf(to) : null,
    };
  }, [q, status, queue, type, merchant, last, from, to]);
}

/** What `datetime-local` gives, in the time zone of who wrote it. */
function timeOf(local: string): string | null {
  const ms = Date.parse(local);
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}
