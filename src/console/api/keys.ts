import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { KeyView } from '../../features/accounts/keys/contract.ts';
import { call } from './client.ts';

export type Key = KeyView;
export type CallName = NonNullable<Key['calls']>[number];
export type NewKey = Pick<
  Key,
  'role' | 'merchantId' | 'name' | 'calls' | 'merchants' | 'networks'
> & {
  expiresAt?: string | null;
  expiresInDays?: number;
};
export type CreatedKey = Key & { key: string; callbackSecret?: string };

export const KEYS = '/v1/keys';

export function useCreateKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (fields: NewKey) => call<CreatedKey>('POST', KEYS, { body: fields }),
    onSuccess: () => client.invalidateQueries({ queryKey: [KEYS] }),
  });
}

export function useRevokeKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => call<void>('DELETE', `${KEYS}/${encodeURIComponent(id)}`),
    onSuccess: () => client.invalidateQueries({ queryKey: [KEYS] }),
  });
}
