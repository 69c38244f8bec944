import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ScheduleView } from '../../protocols/notification/contract.ts';
import { call, get } from './client.ts';
import {
  type AttemptView,
  type DeliverySummary,
  type DeliveryView,
  isSettled,
  type Notification,
} from './notifications.ts';

/** While something is on its way one wants to see it; what has ended changes no more. */
const LIVE_MS = 2000;
const ENDED_MS = 15_000;
/** A ladder has 64 rungs at most: the newest cycle is on the first pages of any sane life. */
const MOST_ATTEMPTS = 100;
const MOST_PAGES = 5;

export function useNotification(id: string) {
  return useQuery({
    queryKey: ['notification', id],
    queryFn: ({ signal }) => get<Notification>(`/v1/notifications/${id}`, undefined, signal),
    refetchInterval: ({ state }) =>
      state.data?.deliveries.some(({ status }) => !isSettled(status)) ? LIVE_MS : ENDED_MS,
  });
}

/** The body as it is sent, as text. */
export function useBody(id: string) {
  return useQuery({
    queryKey: ['notification', id, 'body'],
    queryFn: async ({ signal }) => {
      const answer = await fetch(`/v1/notifications/${id}/body`, { signal });
      if (!answer.ok) throw new Error(String(answer.status));
      return answer.text();
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Changes with everything that happens to a delivery: then there is more to fetch. */
export function versionOf({ status, cycle, attemptCount, nextAttemptAt }: DeliverySummary): string {
  return [status, cycle, attemptCount, nextAttemptAt].join(' ');
}

/** A delivery on its own, which says when it ended. @param version as of `versionOf` */
export function useDelivery(deliveryId: string, version: string) {
  return useQuery({
    queryKey: ['delivery', deliveryId, 'itself', version],
    queryFn: ({ signal }) => get<DeliveryView>(`/v1/deliveries/${deliveryId}`, undefined, signal),
    placeholderData: (before) => before,
  });
}

/** @param version as of `versionOf` */
export function useAttempts(deliveryId: string, version: string) {
  return useQuery({
    queryKey: ['delivery', deliveryId, 'attempts', version],
    queryFn: ({ signal }) => everyAttempt(deliveryId, signal),
    placeholderData: (before) => before,
  });
}

async function everyAttempt(deliveryId: string, signal: AbortSignal): Promise<AttemptView[]> {
  const attempts: AttemptView[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer: { data: AttemptView[]; nextCursor: string | null } = await get(
      `/v1/deliveries/${deliveryId}/attempts`,
      { limit: MOST_ATTEMPTS, cursor },
      signal,
    );
    attempts.push(...answer.data);
    cursor = answer.nextCursor;
    if (cursor === null) break;
  }
  return attempts;
}

export function useSchedule(deliveryId: string, version: string) {
  return useQuery({
    queryKey: ['delivery', deliveryId, 'schedule', version],
    queryFn: ({ signal }) =>
      get<ScheduleView>(`/v1/deliveries/${deliveryId}/schedule`, undefined, signal),
    placeholderData: (before) => before,
  });
}

export function useResend(deliveryId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { reason: string; force: boolean }) =>
      call('POST', `/v1/deliveries/${deliveryId}/resend`, { body }),
    onSettled: () => client.invalidateQueries(),
  });
}

export function useCancel(notificationId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (reason: string) =>
      call('POST', `/v1/notifications/${notificationId}/cancel`, { body: { reason } }),
    onSettled: () => client.invalidateQueries(),
  });
}
