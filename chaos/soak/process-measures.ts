import { readdirSync } from 'node:fs';
import { request } from 'undici';
import { type Actor, OPERATOR_KEY } from '../processes.ts';

const MIB = 1024 * 1024;

/** What a gateway process holds, and how late it has been so far. */
export interface Held {
  rssMib: number;
  heapMib: number;
  descriptors: number;
  lateness: Buckets;
}

/** A histogram: upper bound in s → how many were at most that, since the start of the process. */
export type Buckets = ReadonlyMap<number, number>;

/** @throws where it does not answer, or this system does not tell its descriptors */
export async function heldBy({ process }: Actor): Promise<Held> {
  const { statusCode, body } = await request(`${process.url}/metrics`, {
    headers: { authorization: `Bearer ${OPERATOR_KEY}` },
  });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`/metrics answered ${statusCode}`);
  return {
    rssMib: gauge(text, 'process_resident_memory_bytes') / MIB,
    heapMib: gauge(text, 'nodejs_heap_size_used_bytes') / MIB,
    descriptors: readdirSync(`/proc/${process.pid}/fd`).length,
    lateness: bucketsOf(text, 'postrider_attempt_lateness_seconds'),
  };
}

function gauge(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

function bucketsOf(text: string, name: string): Buckets {
  const buckets = new Map<number, number>();
  for (const [, labels = '', count] of text.matchAll(
    new RegExp(`^${name}_bucket\\{(.*)\\} (\\S+)$`, 'gm'),
  )) {
    const le = /le="(.+?)"/.exec(labels)?.[1];
    const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
    buckets.set(bound, (buckets.get(bound) ?? 0) + Number(count));
  }
  return buckets;
}

/**
 * The value that a share of what came between two looks stayed below, s, taken as spread evenly within
 * its bucket. NaN: nothing came.
 */
export function quantileBetween(
  before: readonly Buckets[],
  after: readonly Buckets[],
  share: number,
) {
  const bounds = [...(after[0]?.keys() ?? [])].sort((a, b) => a - b);
  const countOf = (looks: readonly Buckets[], bound: number) =>
    looks.reduce((sum, buckets) => sum + (buckets.get(bound) ?? 0), 0);
  const counts = bounds.map((bound) => countOf(after, bound) - countOf(before, bound));
  const wanted = share * (counts.at(-1) ?? 0);
  if (wanted === 0) return Number.NaN;
  const at = counts.findIndex((count) => count >= wanted);
  const [low, high] = [bounds[at - 1] ?? 0, bounds[at] ?? 0];
  const below = counts[at - 1] ?? 0;
  if (!Number.isFinite(high)) return low;
  return low + ((high - low) * (wanted - below)) / ((counts[at] ?? 0) - below);
}
