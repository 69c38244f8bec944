import { useMemo } from 'react';
import { DELIVERY_STATUSES } from '../../api/notifications.ts';
import type { ResendFilter } from '../../api/resends.ts';
import { useSession } from '../../api/session.ts';
import { type Address, useAddress } from '../../kit/address.ts';
import { boundsOf } from '../../kit/period.tsx';

/**
 * Of the address. The same names as the list of notifications has, so that what was found there is
 * sent again by the same query: `/resends/new?status=failed&merchant=…&last=24h`. Besides:
 *
 * - `endpoint`: an endpoint's id;
 * - `keys`: business keys, each URI-encoded once more, with commas between them;
 * - `q`, what is written into the search box: an endpoint's id, or else a business key.
 */
const NAMES = [
  'status',
  'merchant',
  'endpoint',
  'queue',
  'type',
  'keys',
  'last',
  'from',
  'to',
  'q',
] as const;
export type FilterAddress = Address<(typeof NAMES)[number]>;

export const MOST_KEYS = 500;

/** Ids that the search box of notifications takes and a re-send does not, and addresses. */
const UNFIT = /^(ntf|dlv|att|evt)_|^https?:/;

export function useFilterAddress(): FilterAddress & {
  /** null: nothing is asked for. */
  filter: ResendFilter | null;
  keys: string[];
  /** What of the address cannot be looked for here. */
  unfit: string | null;
} {
  const address = useAddress(NAMES);
  const { data: session } = useSession();
  const { values } = address;
  const merchant = session?.merchantId == null ? values.merchant : '';
  return useMemo(() => {
    const { q } = values;
    const endpoint = values.endpoint || (q.startsWith('ep_') ? q : '');
    const isKey = q !== '' && !q.startsWith('ep_') && !UNFIT.test(q);
    const keys = values.keys === '' ? (isKey ? [q] : []) : readKeys(values.keys);
    const filter = filterOf({ ...values, merchant, endpoint }, keys);
    return { ...address, filter, keys, unfit: UNFIT.test(q) ? q : null };
  }, [address, values, merchant]);
}

function filterOf(values: FilterAddress['values'], keys: string[]): ResendFilter | null {
  const { status, merchant, endpoint, queue, type } = values;
  const statuses = listOf(status).filter((name) => DELIVERY_STATUSES.some((each) => each === name));
  const { from, to } = boundsOf(values);
  const filter: ResendFilter = {
    ...(merchant !== '' && { merchantId: listOf(merchant) }),
    ...(endpoint !== '' && { endpointId: listOf(endpoint) }),
    ...(queue !== '' && { queue: listOf(queue) }),
    ...(type !== '' && { type: listOf(type) }),
    ...(keys.length > 0 && { businessKeys: keys }),
    ...(from !== null && { from }),
    ...(to !== null && { to }),
  };
  // `failed` when none is said; that alone would be everything that ever failed, of everybody.
  if (Object.keys(filter).length === 0 && statuses.length === 0) return null;
  return { ...filter, status: statuses.length > 0 ? statuses : ['failed'] };
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

export function writeKeys(keys: string[]): string {
  return keys.map(encodeURIComponent).join(',');
}

function readKeys(text: string): string[] {
  return listOf(text).map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}

/** What people paste: one a line, or with commas or blanks between them. */
export function splitKeys(text: string): string[] {
  return [...new Set(text.split(/[\s,;，；]+/).filter((key) => key !== ''))];
}
