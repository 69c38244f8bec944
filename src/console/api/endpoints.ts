import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { EndpointView, TestResult } from '../../features/accounts/endpoints/contract.ts';
import type { EndpointsOverview } from '../../features/overview/contract.ts';
import { call, get } from './client.ts';

export type Endpoint = EndpointView;
export type Verdict = TestResult;

export type EndpointCounts = EndpointsOverview['data'][number];

/** What one writes of an endpoint. */
export type EndpointFields = Pick<
  Endpoint,
  'url' | 'types' | 'queue' | 'description' | 'headers' | 'body' | 'maxInFlight' | 'ratePerSecond'
>;

export interface RotatedSecret {
  secret: string;
  previousSecretExpiresAt: string;
}

export const endpointsOf = (merchantId: string) =>
  `/v1/merchants/${encodeURIComponent(merchantId)}/endpoints`;
const pathOf = (id: string) => `/v1/endpoints/${encodeURIComponent(id)}`;
const REFRESH_MS = 5000;

export function useEndpoint(id: string) {
  return useQuery({
    queryKey: ['endpoint', id],
    queryFn: ({ signal }) => get<Endpoint>(pathOf(id), undefined, signal),
    // Its circuit opens and closes by itself.
    refetchInterval: REFRESH_MS,
  });
}

/** How each of a merchant's endpoints fared in the last 24 hours, by its id. */
export function useLastDay(merchantId: string) {
  return useQuery({
    queryKey: [endpointsOf(merchantId), 'overview'],
    queryFn: ({ signal }) =>
      get<EndpointsOverview>(`${endpointsOf(merchantId)}/overview`, undefined, signal),
    select: ({ data }) => new Map(data.map((counts) => [counts.id, counts])),
    refetchInterval: REFRESH_MS,
  });
}

export function useCreateEndpoint(merchantId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (fields: EndpointFields) =>
      call<Endpoint & { secret: string }>('POST', endpointsOf(merchantId), { body: fields }),
    onSuccess: () => forget(client, merchantId),
  });
}

export function usePatchEndpoint({ id, merchantId }: Endpoint) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (patch: Partial<EndpointFields>) =>
      call<Endpoint>('PATCH', pathOf(id), { body: patch }),
    onSuccess(endpoint) {
      client.setQueryData(['endpoint', id], endpoint);
      return forget(client, merchantId);
    },
  });
}

export function usePauseEndpoint({ id, merchantId }: Endpoint) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (action: 'pause' | 'resume') =>
      call<Endpoint>('POST', `${pathOf(id)}/${action}`, { body: {} }),
    onSuccess(endpoint) {
      client.setQueryData(['endpoint', id], endpoint);
      return forget(client, merchantId);
    },
  });
}

/** One attempt now, never repeated. */
export function useTestEndpoint({ id }: Endpoint) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => call<Verdict>('POST', `${pathOf(id)}/test`, { body: {} }),
    onSettled: () => client.invalidateQueries({ queryKey: ['endpoint', id] }),
  });
}

export function useRotateEndpoint({ id }: Endpoint) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (overlapSeconds: number) =>
      call<RotatedSecret>('POST', `${pathOf(id)}/rotate-secret`, { body: { overlapSeconds } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['endpoint', id] }),
  });
}

export function useDeleteEndpoint({ id, merchantId }: Endpoint) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => call<void>('DELETE', pathOf(id)),
    onSuccess() {
      client.removeQueries({ queryKey: ['endpoint', id] });
      return forget(client, merchantId);
    },
  });
}

function forget(client: QueryClient, merchantId: string) {
  return client.invalidateQueries({ queryKey: [endpointsOf(merchantId)] });
}
