import type { LogFn, Logger } from 'pino';
import { faultOf } from './fault.ts';

type LogMethod = (this: Logger, args: Parameters<LogFn>, method: LogFn, level: number) => void;

const SECOND = 1000;
/** For so long after a fault was said its repetitions are counted. */
const COUNTING_MS = 30 * SECOND;
/** Kinds of faults that are told apart; one more is said each time. */
const MOST_KINDS = 200;

/**
 * Has the same fault of the same step said once and then counted: a database that is away fails hundreds of
 * statements a minute, and each line about it hides what else there is. A fault is a line with an `err`; its
 * text is the step.
 */
export function countRepeats(countingMs = COUNTING_MS): LogMethod {
  const repeats = new Map<string, number>();

  return function logMethod(args, method) {
    const [object, step] = args as unknown as [unknown, string];
    if (!isFault(object)) return method.apply(this, args);
    const fault = keyed(object.err);
    const key = JSON.stringify([step, fault]);
    const before = repeats.get(key);
    if (before !== undefined) {
      repeats.set(key, before + 1);
      return;
    }
    method.apply(this, args);
    if (repeats.size >= MOST_KINDS) return;
    repeats.set(key, 0);
    setTimeout(() => {
      const repeated = repeats.get(key) ?? 0;
      repeats.delete(key);
      if (repeated === 0) return;
      const said = { ...fault, repeated, withinSeconds: countingMs / SECOND };
      method.apply(this, [said, step] as unknown as Parameters<LogFn>);
    }, countingMs).unref();
  };
}

function isFault(object: unknown): object is { err: unknown } {
  return typeof object === 'object' && object !== null && 'err' in object;
}

/** What makes two faults the same: all but where they happened. */
function keyed(error: unknown): object {
  const { at: _, ...said } = faultOf(error) as { at?: unknown };
  return said;
}
