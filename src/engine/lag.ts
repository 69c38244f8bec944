/** How far this process lags behind the clock. */
export interface LagMeter {
  /** Begins to measure, if nobody has; each `begin` wants its `end`. */
  begin(): void;
  end(): void;
  /** All the time so far, ms, in which the process was due to run and did not: only differences mean something. */
  lagMs(): number;
}

const TICK_MS = 20;
/** A timer is this late on an idle machine. */
const USUAL_MS = 5;

/**
 * Adds up the time in which this process had work and no processor: it stood still, or was busy with
 * something else. What is measured of a receiver meanwhile is our own doing.
 */
export function createLagMeter(): LagMeter {
  let users = 0;
  let lagMs = 0;
  let expectedAt = 0;
  let timer: NodeJS.Timeout | undefined;

  function tick(): void {
    const now = performance.now();
    lagMs += Math.max(0, now - expectedAt - USUAL_MS);
    expectedAt = now + TICK_MS;
    timer = setTimeout(tick, TICK_MS);
  }

  return {
    begin() {
      users += 1;
      if (users > 1) return;
      expectedAt = performance.now() + TICK_MS;
      timer = setTimeout(tick, TICK_MS);
    },
    end() {
      users -= 1;
      if (users === 0) clearTimeout(timer);
    },
    // What lags at this very moment counts too, though its tick has not come.
    lagMs: () =>
      users === 0 ? lagMs : lagMs + Math.max(0, performance.now() - expectedAt - USUAL_MS),
  };
}
