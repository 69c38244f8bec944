import { useQuery } from '@tanstack/react-query';
import { call, get } from './client.ts';
import type { FoundResult, ResultView } from './recovery.ts';

/** The latest known state of one business key. */
export function useResult(merchantId: string, businessKey: string) {
  return useQuery({
    queryKey: ['result', merchantId, businessKey],
    queryFn: ({ signal }) =>
      get<ResultView>(`/v1/results/${encodeURIComponent(businessKey)}`, { merchantId }, signal),
  });
}

/** Those of many, in the order asked. */
export function useResults(merchantId: string, businessKeys: string[]) {
  return useQuery({
    queryKey: ['results', merchantId, businessKeys],
    queryFn: ({ signal }) =>
      call<{ data: FoundResult[] }>('POST', '/v1/results/query', {
        query: { merchantId },
        body: { businessKeys },
        signal,
      }),
  });
}
