import { Anchor } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { get } from '../../api/client.ts';
import { MESSAGES } from '../../api/messages.ts';
import { useSession } from '../../api/session.ts';
import { TRANSACTIONS } from '../../api/transactions.ts';
import { Parked } from '../../kit/parked.tsx';

const REFRESH_MS = 15_000;
const MOST_COUNTED = 100;

/** What stands still until an operator decides, with the way to it; nothing, where nothing does. */
export function Suspended() {
  const { t } = useTranslation('overview');
  const messages = useSuspended(MESSAGES);
  const transactions = useSuspended(TRANSACTIONS);
  if (messages.count + transactions.count === 0) return null;
  const kinds = [
    { to: '/messages', name: 'suspended.messages', ...messages },
    { to: '/transactions', name: 'suspended.transactions', ...transactions },
  ] as const;
  return (
    <Parked
      title={t('suspended.title')}
      text={kinds.map(
        ({ to, name, count, isMore }) =>
          count > 0 && (
            <div key={to}>
              <Anchor component={Link} to={`${to}?status=suspended`} inherit underline="always">
                {t(name, { count })}
                {isMore && ' +'}
              </Anchor>
            </div>
          ),
      )}
    />
  );
}

/** How many are on the first page; it looks through so many only, and there may be more behind them. */
function useSuspended(path: string): { count: number; isMore: boolean } {
  const { data: session } = useSession();
  const { data } = useQuery({
    queryKey: [path, 'suspended'],
    queryFn: ({ signal }) =>
      get<{ data: unknown[]; hasMore: boolean }>(
        path,
        { status: 'suspended', limit: MOST_COUNTED },
        signal,
      ),
    enabled: session?.role === 'operator',
    refetchInterval: REFRESH_MS,
  });
  return { count: data?.data.length ?? 0, isMore: data?.hasMore ?? false };
}
