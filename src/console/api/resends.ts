import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ResendView } from '../../features/resends/contract.ts';
import { call, get } from './client.ts';

export type { ResendView };

export const RESENDS = '/v1/resends';

/** As the API takes it; what is undefined is not asked for. */
export interface ResendFilter {
  merchantId?: string[];
  endpointId?: string[];
  queue?: string[];
  type?: string[];
  status?: string[];
  businessKeys?: string[];
  from?: string;
  to?: string;
}

const RUNNING_MS = 1000;
const COUNTED_FOR_MS = 30_000;

/** How many deliveries fit now. @param filter null: nothing is asked yet */
export function useMatching(filter: ResendFilter | null) {
  return useQuery({
    queryKey: [RESENDS, 'matching', filter],
    // Nothing is done, so no reason is kept; the API wants one all the same.
    queryFn: ({ signal }) =>
      call<{ matched: number }>('POST', RESENDS, {
        body: { filter, reason: 'dry run', dryRun: true },
        signal,
      }),
    enabled: filter !== null,
    staleTime: COUNTED_FOR_MS,
  });
}

export function useStartResend() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: {
      filter: ResendFilter;
      reason: string;
      force: boolean;
      ratePerSecond: number;
    }) => call<ResendView>('POST', RESENDS, { body }),
    onSuccess: () => client.invalidateQueries({ queryKey: [RESENDS] }),
  });
}

export function useResendJob(id: string) {
  return useQuery({
    queryKey: [RESENDS, id],
    queryFn: ({ signal }) => get<ResendView>(`${RESENDS}/${id}`, undefined, signal),
    refetchInterval: ({ state }) => (state.data?.finishedAt === null ? RUNNING_MS : false),
  });
}

export function useTurnResend(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (verb: 'pause' | 'resume' | 'cancel') =>
      call<ResendView>('POST', `${RESENDS}/${id}/${verb}`),
    onSuccess: (job) => client.setQueryData([RESENDS, id], job),
    onSettled: () => client.invalidateQueries({ queryKey: [RESENDS] }),
  });
}
