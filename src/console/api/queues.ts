import {
  keepPreviousData,
  type QueryClient,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import type { Preset, PreviewView, QueueView } from '../../features/queues/contract.ts';
import { ApiError, call, get } from './client.ts';

export type { Preset };
export type Queue = QueueView;
export type Preview = PreviewView;
/** What the page edits; whom a queue's ends are told to is kept as it is. */
export type Rules = Omit<Queue, 'name' | 'version' | 'notifyProducer'>;

export const PRESETS: readonly Preset[] = ['wechatpay', 'alipay', 'standard-webhooks'];
const PATH = '/v1/queues';
const pathOf = (name: string) => `${PATH}/${encodeURIComponent(name)}`;

export function useQueue(name: string) {
  return useQuery({
    queryKey: ['queue', name],
    queryFn: ({ signal }) => get<Queue>(pathOf(name), undefined, signal),
  });
}

/** The names to choose from; the first hundred, which is more than anybody has. */
export function useQueueNames(): string[] {
  const { data } = useQuery({
    queryKey: ['queues', 'names'],
    queryFn: ({ signal }) => get<{ data: Queue[] }>(PATH, { limit: 100 }, signal),
    staleTime: 60_000,
  });
  return data?.data.map(({ name }) => name) ?? [];
}

/**
 * When attempts would come by rules that are only thought of; the gateway itself reckons.
 *
 * @param rules `null`: they make no sense yet, and what was known stays
 */
export function usePreview(
  name: string,
  rules: Pick<Rules, 'ladderSeconds' | 'deadlineSeconds' | 'jitter'> | null,
  from: string,
) {
  const query = rules && {
    ladderSeconds: rules.ladderSeconds.join(','),
    deadlineSeconds: rules.deadlineSeconds,
    jitter: rules.jitter,
    from,
  };
  return useQuery({
    queryKey: ['preview', name, query],
    queryFn: ({ signal }) => get<Preview>(`${pathOf(name)}/preview`, query ?? {}, signal),
    enabled: query !== null,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
}

/** What a preset would make of a queue. */
export async function rulesOfPreset(name: string, preset: Preset): Promise<Rules> {
  return (await get<Preview>(`${pathOf(name)}/preview`, { preset })).rules;
}

/** Another one has saved the queue since it was read. */
export class ChangedMeanwhile extends Error {}

/**
 * Gives a queue these rules.
 *
 * @param seenVersion the version that was edited; 0: there was no such queue
 * @throws ChangedMeanwhile where the queue has another one by now
 */
export function usePutQueue() {
  const client = useQueryClient();
  return useMutation({
    async mutationFn(asked: { name: string; rules: Rules; seenVersion: number }) {
      const { name, rules, seenVersion } = asked;
      const present = await presentOf(name);
      if ((present?.version ?? 0) !== seenVersion) throw new ChangedMeanwhile();
      const notifyProducer = present?.notifyProducer ?? null;
      return call<Queue>('PUT', pathOf(name), { body: { ...rules, notifyProducer } });
    },
    onSuccess(queue) {
      client.setQueryData(['queue', queue.name], queue);
      return forgetLists(client);
    },
  });
}

async function presentOf(name: string): Promise<Queue | null> {
  try {
    return await get<Queue>(pathOf(name));
  } catch (error) {
    if (error instanceof ApiError && error.problem.status === 404) return null;
    throw error;
  }
}

export function useDeleteQueue() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (name: string) => call<void>('DELETE', pathOf(name)),
    onSuccess(_nothing, name) {
      client.removeQueries({ queryKey: ['queue', name] });
      return forgetLists(client);
    },
  });
}

function forgetLists(client: QueryClient) {
  return Promise.all(
    [[PATH], ['queues'], ['/v1/audit-log']].map((queryKey) =>
      client.invalidateQueries({ queryKey }),
    ),
  );
}
