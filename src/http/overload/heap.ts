import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Logger } from 'pino';

const MIB = 2 ** 20;
const SECOND = 1000;
/** Of the limit, in use after a collection. Beyond it V8 ends the process before long. */
const SHORT_SHARE = 0.9;
const ENOUGH_SHARE = 0.8;
/** While it is short hardly anything is allocated, so hardly any collection would tell of its end. */
const LOOK_AGAIN_MS = SECOND;
/** V8's default, and the number of semi-spaces that it reserves. */
const SEMI_SPACE_MIB = 16;
const SEMI_SPACES = 3;

/**
 * What long-lived objects may take, `--max-old-space-size` or its default. V8 tells this and the young
 * generation's share in one number.
 *
 * @returns bytes
 */
export function heapLimitBytes(nodeArgs: readonly string[] = process.execArgv): number {
  const flag = /^--max[-_]semi[-_]space[-_]size=(\d+)$/;
  const given = nodeArgs.map((arg) => flag.exec(arg)?.[1]).findLast((size) => size !== undefined);
  const semiSpaceMib = given === undefined ? SEMI_SPACE_MIB : Number(given);
  const limit = getHeapStatistics().heap_size_limit;
  return Math.max(limit / 2, limit - SEMI_SPACES * semiSpaceMib * MIB);
}

export interface HeapWatch {
  /** The heap is nearly full, garbage not counted. */
  isShort(): boolean;
  close(): void;
}

interface HeapWatchOptions {
  limitBytes: number;
  log: Pick<Logger, 'error' | 'warn'>;
  /** For tests; asks V8 when absent. */
  usedBytes?: () => number;
}

/**
 * Looks at the heap after each full collection. That memory is short is said in the log: a process that
 * V8 ends says nothing, and whoever finds it gone must know why.
 */
export function watchHeap({ limitBytes, log, ...given }: HeapWatchOptions): HeapWatch {
  const usedBytes = given.usedBytes ?? (() => getHeapStatistics().used_heap_size);
  let again: NodeJS.Timeout | null = null;

  function look(): void {
    const used = usedBytes();
    const figures = { usedMib: inMib(used), limitMib: inMib(limitBytes) };
    if (again === null && used > SHORT_SHARE * limitBytes) {
      log.error(figures, 'memory is short: calls are answered 503 until it is not');
      again = setInterval(look, LOOK_AGAIN_MS).unref();
    } else if (again !== null && used < ENOUGH_SHARE * limitBytes) {
      log.warn(figures, 'memory suffices again');
      clearInterval(again);
      again = null;
    }
  }

  const observer = new PerformanceObserver((list) => {
    if (list.getEntries().some((entry) => kindOf(entry) === FULL_COLLECTION)) look();
  });
  observer.observe({ entryTypes: ['gc'] });
  return {
    isShort: () => again !== null,
    close() {
      observer.disconnect();
      if (again !== null) clearInterval(again);
      again = null;
    },
  };
}

const FULL_COLLECTION = constants.NODE_PERFORMANCE_GC_MAJOR;

/** Node's types do not know it. */
function kindOf(entry: object): unknown {
  return (entry as { detail?: { kind?: unknown } }).detail?.kind;
}

function inMib(bytes: number): number {
  return Math.round(bytes / MIB);
}
