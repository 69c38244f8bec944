import { type Clock, systemClock } from '../clock.ts';

interface BatchOptions<Item> {
  /** Most items in one run. */
  maxItems: number;
  /** Most runs under way at once; items that come meanwhile form the next batch. */
  maxRuns: number;
  /** Most items waiting; one more is refused with the error of `whenFull`. */
  maxWaiting: number;
  whenFull: () => Error;
  clock?: Pick<Clock, 'soon'>;
  /** Neighbours that must share a run, so that it settles their order: also beyond `maxItems`. */
  belongTogether?(one: Item, next: Item): boolean;
}

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/**
 * Group commit: callers that come while a run is under way share the next one, so one statement
 * serves many. An idle batcher runs at once; there is no timer and so no added delay.
 *
 * @param run gets 1..maxItems items, or more that belong together, and must answer with one result for
 *   each, in order. When it rejects, each of its callers is rejected with the same error.
 */
export function batched<Item, Result>(
  options: BatchOptions<Item>,
  run: (items: Item[]) => Promise<Result[]>,
): (item: Item) => Promise<Result> {
  const waiting: Waiting<Item, Result>[] = [];
  let runs = 0;
  let scheduled = false;
  const clock = options.clock ?? systemClock;

  function flush(): void {
    scheduled = false;
    while (waiting.length > 0 && runs < options.maxRuns) {
      const batch = waiting.splice(0, sizeOfNext());
      runs += 1;
      void execute(batch).finally(() => {
        runs -= 1;
        schedule();
      });
    }
  }

  function sizeOfNext(): number {
    let size = Math.min(options.maxItems, waiting.length);
    for (;;) {
      const [last, next] = [waiting[size - 1], waiting[size]];
      if (last === undefined || next === undefined) return size;
      if (options.belongTogether?.(last.item, next.item) !== true) return size;
      size += 1;
    }
  }

  async function execute(batch: Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await run(batch.map((each) => each.item));
      for (const [index, each] of batch.entries()) each.resolve(results[index] as Result);
    } catch (error) {
      for (const each of batch) each.reject(error);
    }
  }

  // At the end of the tick, so that its callers share the first batch.
  function schedule(): void {
    if (scheduled || waiting.length === 0) return;
    scheduled = true;
    clock.soon(flush);
  }

  return (item) => {
    if (waiting.length >= options.maxWaiting) return Promise.reject(options.whenFull());
    return new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      schedule();
    });
  };
}
