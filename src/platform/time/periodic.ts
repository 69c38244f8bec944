/** Work that comes round again and again, until it is closed. */
export interface Repeated {
  /** There is something to do: the next round begins at once, or right after the present one. */
  now(): void;
  /** Lets what is under way end, after telling it that it should. */
  close(): Promise<void>;
}

/**
 * Does something now, and again `everyMs` after it was done, never twice at once.
 *
 * @param work gets told by its signal when it should come to an end
 */
export function repeat(
  everyMs: number,
  work: (stopping: AbortSignal) => Promise<void>,
  onFault: (error: unknown) => void,
): Repeated {
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | null = null;
  let isWanted = false;
  let current = round();

  async function round(): Promise<void> {
    isWanted = false;
    await work(stopping.signal).catch(onFault);
    if (!stopping.signal.aborted) timer = setTimeout(begin, isWanted ? 0 : everyMs);
  }

  function begin(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    current = round();
  }

  return {
    now() {
      if (timer === null) isWanted = true;
      else begin();
    },
    async close() {
      stopping.abort();
      if (timer !== null) clearTimeout(timer);
      timer = null;
      await current;
    },
  };
}
