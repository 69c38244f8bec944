type Cancel = (reason: unknown) => void;
const waiting = new WeakMap<AbortSignal, Set<Cancel>>();

/**
 * Who wants to know when a signal aborts. One listener a signal, however many attempts are in
 * flight: an EventTarget looks for its listeners by walking, and warns from the eleventh on.
 */
export function waitingFor(signal: AbortSignal): Set<Cancel> {
  const known = waiting.get(signal);
  if (known !== undefined) return known;
  const cancels = new Set<Cancel>();
  waiting.set(signal, cancels);
  const abort = () => {
    for (const cancel of cancels) cancel(signal.reason);
  };
  signal.addEventListener('abort', abort, { once: true });
  return cancels;
}
