type Hear = (reason: unknown) => void;

const hearers = new WeakMap<AbortSignal, Set<Hear>>();

/**
 * One listener a signal, however many wait for it: an EventTarget looks for its listeners by walking.
 * @returns ends it
 */
export function onAbort(signal: AbortSignal | undefined, hear: Hear): () => void {
  if (signal === undefined) return () => {};
  const known = hearers.get(signal) ?? listen(signal);
  known.add(hear);
  return () => known.delete(hear);
}

function listen(signal: AbortSignal): Set<Hear> {
  const known = new Set<Hear>();
  hearers.set(signal, known);
  const tell = () => {
    for (const hear of known) hear(signal.reason);
  };
  signal.addEventListener('abort', tell, { once: true });
  return known;
}
