/** The one line of virtual time on which everything happens, one thing after the other. */
export interface Timeline {
  readonly nowMs: number;
  /** Things done so far. */
  readonly steps: number;
  /** @param delayMs 0: after everything that is to happen now already */
  at(delayMs: number, act: () => void): void;
  /** Lets time pass until there. @param afterStep called when a thing and all that follows at once is done */
  runUntil(untilMs: number, afterStep: () => void): Promise<void>;
}

interface Entry {
  atMs: number;
  order: number;
  act: () => void;
}

/**
 * A heap of what is to come. Promises are settled between two things by letting Node's own loop turn
 * once, which empties its queue of microtasks: their order is the language's, and the same each time.
 */
export function createTimeline(startMs: number): Timeline {
  const heap: Entry[] = [];
  let nowMs = startMs;
  let order = 0;
  let steps = 0;
  return {
    get nowMs() {
      return nowMs;
    },
    get steps() {
      return steps;
    },
    at(delayMs, act) {
      order += 1;
      push(heap, { atMs: nowMs + Math.max(0, delayMs), order, act });
    },
    async runUntil(untilMs, afterStep) {
      for (;;) {
        const first = heap[0];
        if (first === undefined || first.atMs > untilMs) break;
        pop(heap);
        nowMs = first.atMs;
        first.act();
        await new Promise<void>(setImmediate);
        steps += 1;
        afterStep();
      }
      nowMs = untilMs;
    },
  };
}

function before(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function push(heap: Entry[], entry: Entry): void {
  let place = heap.length;
  while (place > 0) {
    const parent = (place - 1) >> 1;
    const above = heap[parent] as Entry;
    if (!before(entry, above)) break;
    heap[place] = above;
    place = parent;
  }
  heap[place] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop() as Entry;
  if (heap.length === 0) return;
  let place = 0;
  for (;;) {
    const left = 2 * place + 1;
    if (left >= heap.length) break;
    const right = left + 1;
    const child =
      right < heap.length && before(heap[right] as Entry, heap[left] as Entry) ? right : left;
    if (!before(heap[child] as Entry, last)) break;
    heap[place] = heap[child] as Entry;
    place = child;
  }
  heap[place] = last;
}
