// Preloaded into a gateway process (`node --import`): sets its wall clock wrong. CHAOS_CLOCK is either
// so many milliseconds (`-60000`), or `jumps`: right at first, then thrown back by up to a minute every
// two seconds. What a machine cannot set is left alone: the monotonic clock (`performance.now`, timers).
const { CHAOS_CLOCK = '0' } = process.env;
const RealDate = Date;
const realNow = RealDate.now;
let offsetMs = CHAOS_CLOCK === 'jumps' ? 0 : Number(CHAOS_CLOCK);
if (!Number.isFinite(offsetMs)) throw new Error(`CHAOS_CLOCK is no number: ${CHAOS_CLOCK}`);
if (CHAOS_CLOCK === 'jumps') {
  setInterval(() => {
    offsetMs = -Math.floor(Math.random() * 60_000);
  }, 2_000).unref();
}

const now = () => realNow.call(RealDate) + offsetMs;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
});
