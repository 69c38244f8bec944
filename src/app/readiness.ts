import { open } from 'node:fs/promises';
import { devNull } from 'node:os';
import type { Readiness } from '../http/service.ts';
import type { Parts } from './context.ts';

const SECOND = 1000;
/** For so long a step of the database's clock is told. */
const TOLD_MS = 600 * SECOND;

/** Whether this process can do its work now, and what else an operator should know. */
export async function readinessOf({ health, wakes, running }: Parts): Promise<Readiness> {
  const [database, queue, descriptors] = await Promise.all([
    health.look(),
    wakes.ping().then(
      () => true,
      () => false,
    ),
    canOpenFiles(),
  ]);
  const notes: string[] = [];
  if (database === 'read_only') notes.push('The database takes no writes.');
  if (database === 'full') notes.push("The database's disk is full.");
  if (!descriptors) notes.push('This process has no file descriptors left.');
  const overdueMs = running.worker?.sinceSweepMs() ?? 0;
  const isSwept = overdueMs < SWEEP_OVERDUE_MS;
  if (!isSwept)
    notes.push(`The worker has not looked for what is due for ${seconds(overdueMs)} s.`);
  const step = health.clockStep();
  if (step !== null && performance.now() - step.seenAt < TOLD_MS) {
    const way = step.byMs < 0 ? 'back' : 'on';
    notes.push(`The database's clock was set ${way} by ${seconds(Math.abs(step.byMs))} s.`);
  }
  return { database: database === 'ready', queue, process: descriptors && isSwept, notes };
}

/** The sweep comes every few seconds; without it nothing that a wake has lost is found again. */
const SWEEP_OVERDUE_MS = 30 * SECOND;

const seconds = (ms: number) => Math.round(ms / SECOND);

/** Where this process may open no file, it may open no connection either. */
async function canOpenFiles(): Promise<boolean> {
  try {
    await (await open(devNull)).close();
    return true;
  } catch {
    return false;
  }
}
