/** For the steps of calls in one turn of the event loop; and while new connections come. */
const SLICE_MS = 10;
const SHORT_SLICE_MS = 0.25;
/**
 * Twice what a refusal takes. The steps are about half of a call's work, the rest is the database's
 * answers; so refusals get a fifth of the time at most, however many come.
 */
const REFUSAL_MS = 0.1;
/** Steps that may be done in a slice. */
const MOST_STEPS = 1000;

/** Has the steps of calls take turns with the network. */
export interface Turns {
  /** Begins a call in its turn. */
  begin(step: () => void): void;
  /** Answers one in its turn, before others begin: what it took has been spent. */
  answer(step: () => void): void;
  /** A new connection was accepted. */
  connected(): void;
  /** A call was refused. */
  refused(): void;
}

interface TurnsOptions {
  nowMs(): number;
  /** Once what has come over the network was read; what one act leaves to do is done before the next. */
  soon(act: () => void): void;
}

/**
 * In one turn of the event loop Node reads what every connection has sent, but takes one new connection
 * only, however many wait. Where a statement stores a hundred notifications, and a hundred answers are made
 * of it in one turn, there are some fifty turns a second, and fifty new connections. All others wait in
 * the kernel, unseen, until their callers have left; and when it is their turn, it is done for nobody.
 *
 * So calls are done in steps, begun and answered, and a turn has ten milliseconds for them, or, while new
 * connections come, next to nothing: then there are thousands of turns. But never less than twice what
 * refusals took, or thousands of them a second would take all of the time. (Rejected: as much as the network took.
 * The database's answers come over it, too, so that long turns would make the next ones long.)
 */
export function createTurns({ nowMs, soon }: TurnsOptions): Turns {
  const beginnings: Array<() => void> = [];
  const answers: Array<() => void> = [];
  /** Acts that are to come in the next turn, or still in this one. */
  let armed = 0;
  let isNewTurn = true;
  let refusals = 0;
  let isConnecting = false;
  let beganAt = 0;
  let sliceMs = SLICE_MS;

  function act(): void {
    armed -= 1;
    const now = nowMs();
    if (isNewTurn) beginTurn(now);
    if (now - beganAt < sliceMs) (answers.shift() ?? beginnings.shift())?.();
    if (armed === 0) endTurn();
  }

  function beginTurn(now: number): void {
    isNewTurn = false;
    beganAt = now;
    sliceMs = Math.max(isConnecting ? SHORT_SLICE_MS : SLICE_MS, refusals * REFUSAL_MS);
    refusals = 0;
    isConnecting = false;
  }

  function endTurn(): void {
    isNewTurn = true;
    arm();
  }

  function arm(): void {
    const wanted = Math.min(MOST_STEPS, answers.length + beginnings.length);
    for (; armed < wanted; armed += 1) soon(act);
  }

  return {
    begin(step) {
      beginnings.push(step);
      arm();
    },
    answer(step) {
      answers.push(step);
      arm();
    },
    connected() {
      isConnecting = true;
    },
    refused() {
      refusals += 1;
    },
  };
}
