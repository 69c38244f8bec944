import { callerLeft } from '../../api/problem.ts';

export interface SharedWork<T> {
  /**
   * Joins the work of that name, or begins it.
   *
   * @param signal this caller leaves; the others' work goes on
   * @param begin is given the signal that all of them have left
   */
  join(name: string, signal: AbortSignal, begin: (allLeft: AbortSignal) => Promise<T>): Promise<T>;
}

interface Running<T> {
  result: Promise<T>;
  callers: number;
  allLeft: AbortController;
}

/** What several callers wait for at once is done once, and given up when none of them is left. */
export function createSharedWork<T>(): SharedWork<T> {
  const all = new Map<string, Running<T>>();

  function start(name: string, begin: (allLeft: AbortSignal) => Promise<T>): Running<T> {
    const allLeft = new AbortController();
    const running: Running<T> = { result: begin(allLeft.signal), callers: 0, allLeft };
    const forget = () => {
      if (all.get(name) === running) all.delete(name);
    };
    running.result.then(forget, forget);
    all.set(name, running);
    return running;
  }

  return {
    join(name, signal, begin) {
      if (signal.aborted) return Promise.reject(callerLeft());
      const running = all.get(name) ?? start(name, begin);
      running.callers += 1;
      return new Promise((resolve, reject) => {
        const leave = () => {
          running.callers -= 1;
          if (running.callers === 0) {
            // At once, or who comes now would join what is being given up.
            all.delete(name);
            running.allLeft.abort();
          }
          reject(callerLeft());
        };
        signal.addEventListener('abort', leave, { once: true });
        const stay = () => signal.removeEventListener('abort', leave);
        running.result.then(resolve, reject).finally(stay);
      });
    },
  };
}
