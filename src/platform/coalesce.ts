/**
 * Calls about one thing that come while another is under way share its run and its result. So however
 * many ask for the same, they hold one connection and wait for one lock.
 *
 * Only for what may be answered by a run that began before the call: what is done once and stays done.
 *
 * @returns runs a call about `key`, or joins the one that runs
 */
export function coalesced<T>(): (key: string, run: () => Promise<T>) => Promise<T> {
  const running = new Map<string, Promise<T>>();
  return (key, run) => {
    const underWay = running.get(key);
    if (underWay !== undefined) return underWay;
    const own = run().finally(() => running.delete(key));
    running.set(key, own);
    return own;
  };
}
