import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { TransactionView } from '../../protocols/tcc/contract.ts';
import { call, get } from './client.ts';

export type Transaction = TransactionView;
export type TransactionStatus = Transaction['status'];
export type Branch = Transaction['branches'][number];
export type BranchCall = Branch['calls'][number];

export const TRANSACTIONS = '/v1/transactions';
export const TRANSACTION_STATUSES: readonly TransactionStatus[] = [
  'trying',
  'confirming',
  'cancelling',
  'suspended',
  'confirmed',
  'cancelled',
];

const LIVE_MS = 2000;
const ENDED_MS = 15_000;
const ENDED: readonly TransactionStatus[] = ['confirmed', 'cancelled', 'suspended'];

/** Which transaction: its gid is unique among those of one producer. */
export interface TransactionRef {
  gid: string;
  producer: string | null;
}

const pathOf = (gid: string) => `${TRANSACTIONS}/${encodeURIComponent(gid)}`;

export function useTransaction({ gid, producer }: TransactionRef) {
  return useQuery({
    queryKey: ['transaction', gid, producer],
    queryFn: ({ signal }) => get<Transaction>(pathOf(gid), { producer }, signal),
    refetchInterval: ({ state }) =>
      state.data !== undefined && !ENDED.includes(state.data.status) ? LIVE_MS : ENDED_MS,
  });
}

export type TransactionAct =
  | { verb: 'confirm' }
  | { verb: 'cancel'; reason: string }
  | { verb: 'retry' | 'resolve'; branchId: string; reason: string };

export function useActOnTransaction({ gid, producer }: TransactionRef) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (act: TransactionAct) => {
      const { path, body } = requestOf(act);
      return call<Transaction>('POST', pathOf(gid) + path, { query: { producer }, body });
    },
    onSettled: () => client.invalidateQueries(),
  });
}

function requestOf(act: TransactionAct): { path: string; body?: object } {
  if (act.verb === 'confirm') return { path: '/confirm' };
  const { reason } = act;
  if (act.verb === 'cancel') return { path: '/cancel', body: { reason } };
  const path = `/branches/${encodeURIComponent(act.branchId)}/${act.verb}`;
  return { path, body: act.verb === 'resolve' ? { outcome: 'done', reason } : { reason } };
}
