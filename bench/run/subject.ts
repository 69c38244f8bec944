import type { ScriptName, Target } from '../load/scripts.ts';
import type { Kind } from './options.ts';

/** One of those that are compared with each other. */
export interface Subject {
  name: string;
  /** Its own process; null where the load is the whole of it. */
  pid: number | null;
  /** What it can be measured in. */
  kinds: readonly Kind[];
  /** The load for a kind. */
  load(kind: Kind): { script: ScriptName; target: Target };
  /** Makes so many due at once, held back until `release`. */
  fill?(count: number): Promise<void>;
  release?(): Promise<void>;
  /** What it has taken on and not yet delivered. */
  backlog?(): Promise<number>;
  close(): Promise<void>;
}
