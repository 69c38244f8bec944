import { useQuery } from '@tanstack/react-query';
import { call, get } from './client.ts';
import type { FoundResult, FoundResults, ResultView } from './recovery.ts';

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
    async queryFn({ signal }) {
      const data: FoundResult[] = [];
      // An answer has so much room and no more.
      for (let left = businessKeys; left.length > 0; ) {
        const found = await call<FoundResults>('POST', '/v1/results/query', {
          query: { merchantId },
          body: { businessKeys: left },
          signal,
        });
        data.push(...found.data);
        left = found.remaining;
      }
      return { data };
    },
  });
}
