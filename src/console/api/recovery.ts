import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type {
  DifferenceKind,
  DifferenceView,
  HandleAction,
  ReconciliationView,
} from '../../features/reconciliations/contract.ts';
import type { FoundResult, FoundResults, ResultView } from '../../features/results/contract.ts';
import type { StatementView } from '../../features/statements/contract.ts';
import { call, type FileFormat, get, withQuery } from './client.ts';

export type {
  DifferenceKind,
  DifferenceView,
  FoundResult,
  FoundResults,
  HandleAction,
  ReconciliationView,
  ResultView,
  StatementView,
};

export const RECONCILIATIONS = '/v1/reconciliations';

export const DIFFERENCE_KINDS: readonly DifferenceKind[] = [
  'gateway_only',
  'merchant_only',
  'status_mismatch',
  'amount_mismatch',
  'currency_mismatch',
  'pending_cutoff',
];

const RUNNING_MS = 700;

/** Followed closely while it runs. */
export function useReconciliation(id: string) {
  return useQuery({
    queryKey: [RECONCILIATIONS, id],
    queryFn: ({ signal }) => get<ReconciliationView>(`${RECONCILIATIONS}/${id}`, undefined, signal),
    refetchInterval: ({ state }) => (state.data?.status === 'running' ? RUNNING_MS : false),
  });
}

/** @returns a mutation that hands in a day's list, as CSV; the same list again gives the same one */
export function useHandIn(whose: { merchantId: string; date: string; timezone: string }) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (csv: string) =>
      call<ReconciliationView>('POST', RECONCILIATIONS, {
        query: whose,
        text: { type: 'text/csv', content: csv },
      }),
    async onSuccess(answer) {
      // It may be compared anew: then what was shown of it before no longer holds.
      client.setQueryData([RECONCILIATIONS, answer.id], answer);
      await invalidate(client, answer.id);
      await client.invalidateQueries({ queryKey: [RECONCILIATIONS] });
    },
  });
}

/** Where a browser fetches the adjustment list as a file. */
export function adjustmentsFile(id: string, format: FileFormat): string {
  return withQuery(`${RECONCILIATIONS}/${id}/adjustments`, { format });
}

export function useHandle(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ number, ...body }: { number: number; action: HandleAction; reason: string }) =>
      call<DifferenceView>('POST', `${RECONCILIATIONS}/${id}/differences/${number}/handle`, {
        body,
      }),
    onSettled: () => invalidate(client, id),
  });
}

interface Sent {
  resent: number;
  skipped: number;
  remaining: number;
}

/** Sends all that the merchant lacks; a call of the API takes a part of a very long list. */
export function useResendMissing(id: string) {
  const client = useQueryClient();
  return useMutation({
    async mutationFn(): Promise<Sent> {
      const sum: Sent = { resent: 0, skipped: 0, remaining: Number.POSITIVE_INFINITY };
      for (;;) {
        const part = await call<Sent>('POST', `${RECONCILIATIONS}/${id}/resend-missing`);
        const isProgress = part.remaining < sum.remaining;
        sum.resent += part.resent;
        sum.skipped += part.skipped;
        sum.remaining = part.remaining;
        if (part.remaining === 0 || part.resent === 0 || !isProgress) return sum;
      }
    },
    onSettled: () => invalidate(client, id),
  });
}

async function invalidate(client: ReturnType<typeof useQueryClient>, id: string): Promise<void> {
  await Promise.all([
    client.invalidateQueries({ queryKey: [RECONCILIATIONS, id] }),
    client.invalidateQueries({ queryKey: [`${RECONCILIATIONS}/${id}/differences`] }),
  ]);
}
