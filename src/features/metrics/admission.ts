import type { Registry } from 'prom-client';
import { addGauge } from './metrics.ts';

/** What is admitted now, and how much could be. */
interface Admitting {
  look(): {
    lanes: { name: string; inFlight: number; limit: number }[];
    memory: Record<'uploadBytes' | 'workBytes' | 'uploadLimitBytes' | 'workLimitBytes', number>;
  };
}

export function addAdmissionGauges(registry: Registry, { look }: Admitting): void {
  addGauge(
    registry,
    'postrider_calls_in_flight',
    'Calls at work, by weight, and how many may be: beyond that new ones are shed.',
    ['lane', 'bound'],
    (set) => {
      for (const { name, inFlight, limit } of look().lanes) {
        set({ lane: name, bound: 'used' }, inFlight);
        set({ lane: name, bound: 'limit' }, limit);
      }
    },
  );
  addGauge(
    registry,
    'postrider_call_memory_bytes',
    'Memory set aside for calls: bodies on their way in, and what is made of them.',
    ['of', 'bound'],
    (set) => {
      const { uploadBytes, workBytes, uploadLimitBytes, workLimitBytes } = look().memory;
      set({ of: 'upload', bound: 'used' }, uploadBytes);
      set({ of: 'upload', bound: 'limit' }, uploadLimitBytes);
      set({ of: 'work', bound: 'used' }, workBytes);
      set({ of: 'work', bound: 'limit' }, workLimitBytes);
    },
  );
}
