import { type Clock, systemClock, type Timer } from './time/clock.ts';

interface BatchOptions<Item> {
  /** Most items in one run. */
  maxItems: number;
  /** Most runs under way at once; items that come meanwhile form the next batch. */
  maxRuns: number;
  /** Most items waiting; one more is refused with the error of `whenFull`. */
  maxWaiting: number;
  whenFull: () => Error;
  clock?: Pick<Clock, 'soon' | 'now' | 'after'>;
  /** The longest wait for a run to begin, and what they are told who waited longer. */
  patience?: { maxWaitMs: number; whenOver: () => Error };
  /** Why nobody wants an item's result any more, which then takes part in no run; null: somebody does. */
  abandoned?(item: Item): Error | null;
  /** Neighbours that must share a run, so that it settles their order: also beyond `maxItems`. */
  belongTogether?(one: Item, next: Item): boolean;
}

interface Waiting<Item, Result> {
  item: Item;
  /** On the batcher's clock; 0 where waits have no end. */
  lateAt: number;
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
  let expiry: Timer | null = null;
  const clock = options.clock ?? systemClock;
  const { patience, abandoned } = options;

  function flush(): void {
    scheduled = false;
    if (runs < options.maxRuns) refuseLate();
    while (waiting.length > 0 && runs < options.maxRuns) {
      const batch = waiting.splice(0, endOfGroup(options.maxItems)).filter(isWanted);
      if (batch.length === 0) continue;
      runs += 1;
      void execute(batch).finally(() => {
        runs -= 1;
        schedule();
      });
    }
    watchLate();
  }

  /** The first so many, and those that belong to the last of them. */
  function endOfGroup(atLeast: number): number {
    let size = Math.min(atLeast, waiting.length);
    for (;;) {
      const [last, next] = [waiting[size - 1], waiting[size]];
      if (last === undefined || next === undefined) return size;
      if (options.belongTogether?.(last.item, next.item) !== true) return size;
      size += 1;
    }
  }

  function isWanted({ item, reject }: Waiting<Item, Result>): boolean {
    const reason = abandoned?.(item) ?? null;
    if (reason !== null) reject(reason);
    return reason === null;
  }

  /** Also while every run hangs: then nothing else would tell the callers. */
  function refuseLate(): void {
    if (patience === undefined) return;
    const now = clock.now();
    const punctual = waiting.findIndex(({ lateAt }) => lateAt > now);
    const late = waiting.splice(0, endOfGroup(punctual === -1 ? waiting.length : punctual));
    for (const each of late) each.reject(patience.whenOver());
  }

  /** One timer for all that wait; it looks again as long as somebody does. */
  function watchLate(): void {
    const [first] = waiting;
    if (patience === undefined || first === undefined || expiry !== null) return;
    expiry = clock.after(first.lateAt - clock.now(), () => {
      expiry = null;
      refuseLate();
      watchLate();
    });
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
      const lateAt = patience === undefined ? 0 : clock.now() + patience.maxWaitMs;
      waiting.push({ item, lateAt, resolve, reject });
      schedule();
    });
  };
}
