import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { get } from '../../api/client.ts';
import type { Notification } from '../../api/notifications.ts';
import { type Pages, usePages } from '../../api/pages.ts';

const PATH = '/v1/notifications';
const REFRESH_MS = 3000;
export const MOST_COUNTED = 100;
const NOTHING: Notification[] = [];

interface Query extends Record<string, string | null> {
  from: string | null;
  to: string | null;
}

/** A list that stays alive and stays where it is. */
export interface LiveList {
  pages: Pages<Notification>;
  /** What has come since, as it stands now; `MOST_COUNTED` of them stand for that many or more. */
  newer: Notification[];
  showNewer(): void;
}

/**
 * What is shown ends at the newest row of the first look: its rows are asked for again and again, and
 * their states change under the reader's eyes, but nothing moves. What comes later is counted by its
 * state, and shown when asked for. (Rejected: to count by the live events, which tell of attempts, and
 * not of notifications that were accepted, skipped, cancelled or fetched.)
 */
export function useLiveList(query: Query): LiveList {
  const filter = JSON.stringify(query);
  const [held, setHeld] = useState<{ filter: string; until: string } | null>(null);
  const until = held?.filter === filter ? held.until : null;
  const pages = usePages<Notification>(
    PATH,
    { ...query, to: query.to ?? until },
    { refreshMs: REFRESH_MS },
  );
  const isHolding = until !== null && query.to === null;
  const newest = pages.isStale ? undefined : pages.rows[0]?.acceptedAt;
  useEffect(() => {
    if (until !== null || newest === undefined) return;
    setHeld({ filter, until: justAfter(newest) });
  }, [until, newest, filter]);

  const { data } = useQuery({
    queryKey: [PATH, 'newer', query, until],
    queryFn: ({ signal }) =>
      get<{ data: Notification[] }>(PATH, { ...query, from: until, limit: MOST_COUNTED }, signal),
    enabled: isHolding,
    refetchInterval: REFRESH_MS,
  });
  return {
    pages,
    newer: (isHolding && data?.data) || NOTHING,
    showNewer() {
      const [last] = data?.data ?? [];
      if (last !== undefined) setHeld({ filter, until: justAfter(last.acceptedAt) });
    },
  };
}

/** The API's `to` is the first moment that no longer counts; times have milliseconds. */
function justAfter(at: string): string {
  return new Date(Date.parse(at) + 1).toISOString();
}
