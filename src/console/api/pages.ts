import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { get, type withQuery } from './client.ts';

interface Page<T> {
  data: T[];
  nextCursor: string | null;
  hasMore: boolean;
}

/** The pages of a list, as far as they have been asked for. */
export interface Pages<T> {
  rows: T[];
  /** Nothing is known yet. */
  isPending: boolean;
  /** What is shown belongs to the filter before; the new rows are on their way. */
  isStale: boolean;
  error: Error | null;
  hasMore: boolean;
  isLoadingMore: boolean;
  loadMore(): void;
  refetch(): void;
}

/**
 * Pages through one of the API's lists.
 *
 * @param query its filters; another filter begins anew, while the old rows stay to be seen
 * @param options.refreshMs asks again for the pages that are shown, this often, while they are seen
 */
export function usePages<T>(
  path: string,
  query: Parameters<typeof withQuery>[1] = {},
  options: { limit?: number; refreshMs?: number; isEnabled?: boolean } = {},
): Pages<T> {
  const limit = options.limit ?? 25;
  const found = useInfiniteQuery({
    queryKey: [path, query, limit],
    queryFn: ({ pageParam, signal }) =>
      nextWithRows((cursor) => get<Page<T>>(path, { ...query, limit, cursor }, signal), pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => (page.hasMore ? page.nextCursor : null),
    placeholderData: keepPreviousData,
    enabled: options.isEnabled ?? true,
    ...(options.refreshMs !== undefined && { refetchInterval: options.refreshMs }),
  });
  return {
    rows: found.data?.pages.flatMap((page) => page.data) ?? [],
    isPending: found.isPending,
    isStale: found.isPlaceholderData,
    error: found.error,
    hasMore: found.hasNextPage,
    isLoadingMore: found.isFetchingNextPage,
    loadMore: () => void found.fetchNextPage(),
    refetch: () => void found.refetch(),
  };
}

/** A filter that few entries pass may leave pages empty: so many are passed over before somebody has to ask for more. */
const MOST_EMPTY = 20;

async function nextWithRows<T>(
  ask: (cursor: string | null) => Promise<Page<T>>,
  from: string | null,
): Promise<Page<T>> {
  let page = await ask(from);
  for (let n = 0; n < MOST_EMPTY && page.hasMore && page.data.length === 0; n += 1) {
    page = await ask(page.nextCursor);
  }
  return page;
}

/** What is there all at once, as if it were the only page. */
export function allOf<T>(rows: T[]): Pages<T> {
  return {
    rows,
    isPending: false,
    isStale: false,
    error: null,
    hasMore: false,
    isLoadingMore: false,
    loadMore() {},
    refetch() {},
  };
}
