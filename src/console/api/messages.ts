import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { Message } from '../../protocols/message/contract.ts';
import { call, get } from './client.ts';

export type { Message };
export type MessageStatus = Message['status'];
export type MessageDelivery = Message['deliveries'][number];

export const MESSAGES = '/v1/messages';
export const MESSAGE_STATUSES: readonly MessageStatus[] = [
  'prepared',
  'suspended',
  'confirmed',
  'sent',
  'completed',
  'cancelled',
  'dead',
];

const LIVE_MS = 2000;
const ENDED_MS = 15_000;
const ENDED: readonly MessageStatus[] = ['completed', 'cancelled', 'dead', 'suspended'];

/** Which message: its id is its producer's choice, and another producer may have the same. */
export interface MessageRef {
  id: string;
  producer: string | null;
}

const pathOf = (id: string) => `${MESSAGES}/${encodeURIComponent(id)}`;

export function useMessage({ id, producer }: MessageRef) {
  return useQuery({
    queryKey: ['message', id, producer],
    queryFn: ({ signal }) => get<Message>(pathOf(id), { producer }, signal),
    refetchInterval: ({ state }) =>
      state.data !== undefined && !ENDED.includes(state.data.status) ? LIVE_MS : ENDED_MS,
  });
}

export type MessageAct =
  | { verb: 'recheck' | 'confirm' | 'cancel' }
  | { verb: 'resolve'; body: { decision: 'confirm' | 'cancel'; reason: string } };

export function useActOnMessage({ id, producer }: MessageRef) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ verb, ...rest }: MessageAct) =>
      call<Message>('POST', `${pathOf(id)}/${verb}`, { query: { producer }, ...rest }),
    onSettled: () => client.invalidateQueries(),
  });
}
