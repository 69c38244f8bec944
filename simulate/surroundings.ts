import type { Tables } from './model/rows.ts';
import type { Machine, Process } from './process.ts';
import type { Temper } from './receivers.ts';
import type { Settings } from './settings.ts';
import type { Timers } from './timers.ts';
import type { Trace } from './trace.ts';
import type { Watch } from './watch.ts';

/** Everything around a worker. */
export interface Surroundings {
  machine: Machine;
  tables: Tables;
  timers: Timers;
  trace: Trace;
  watch: Watch;
  /** As they are now: the last day is free of faults. */
  settings(): Settings;
  databaseIsUp(): boolean;
  temperOf(receiverId: string): Temper;
  isDeleted(receiverId: string): boolean;
  /** Whether this process dies here, at this step; it may also stand still for a while. */
  diesAt(process: Process, step: string): boolean;
}

/** An error that the simulation has made itself: the engine must bear it. */
export class Injected extends Error {}
