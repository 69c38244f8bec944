import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { MerchantView } from '../../features/accounts/merchants/contract.ts';
import { call, get } from './client.ts';
import type { RotatedSecret } from './endpoints.ts';

export type Merchant = MerchantView;

export const MERCHANTS = '/v1/merchants';
const MOST_OFFERED = 100;

/** The newest, to choose from; whoever is looked for and not among them is written by id. */
export function useMerchantIds(isEnabled: boolean): string[] {
  const { data } = useQuery({
    queryKey: ['merchants', 'ids'],
    queryFn: ({ signal }) => get<{ data: Merchant[] }>(MERCHANTS, { limit: MOST_OFFERED }, signal),
    enabled: isEnabled,
    staleTime: 30_000,
  });
  return data?.data.map(({ id }) => id) ?? [];
}

export function useCreateMerchant() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (fields: { id?: string; name: string }) =>
      call<Merchant & { key: string; secret: string }>('POST', MERCHANTS, { body: fields }),
    onSuccess: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: [MERCHANTS] }),
        client.invalidateQueries({ queryKey: ['merchants'] }),
      ]),
  });
}

export function useRenameMerchant() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, name }: { id: string; name: string }) =>
      call<Merchant>('PATCH', `${MERCHANTS}/${encodeURIComponent(id)}`, { body: { name } }),
    onSuccess: () => client.invalidateQueries({ queryKey: [MERCHANTS] }),
  });
}

export function useRotateMerchant() {
  return useMutation({
    mutationFn: ({ id, overlapSeconds }: { id: string; overlapSeconds: number }) =>
      call<RotatedSecret>('POST', `${MERCHANTS}/${encodeURIComponent(id)}/rotate-secret`, {
        body: { overlapSeconds },
      }),
  });
}
