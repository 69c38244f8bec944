import type { Screen } from './screen.ts';

const SECOND = 1000;
const REDRAW_EVERY_MS = 100;
const BAR_CELLS = 24;

/**
 * Says when the next attempt comes: on a terminal a line that counts down, elsewhere a plain one.
 *
 * @param atMs ms since 1970; database and demo share this machine's clock
 * @returns ends it
 */
export function countDown(screen: Screen, atMs: number, signal: AbortSignal): () => void {
  const wholeMs = atMs - Date.now();
  const text = (seconds: string) => `           next in ${seconds} s`;
  if (!screen.isLive) {
    screen.line(text(String(Math.round(wholeMs / SECOND))));
    return () => {};
  }
  const draw = () => {
    const leftMs = Math.max(0, atMs - Date.now());
    const full = Math.round((1 - leftMs / wholeMs) * BAR_CELLS);
    const bar = screen.paint('cyan', '━'.repeat(full)) + '─'.repeat(BAR_CELLS - full);
    screen.live(`${screen.paint('dim', text((leftMs / SECOND).toFixed(1)))}  ${bar}`);
  };
  draw();
  const timer = setInterval(draw, REDRAW_EVERY_MS);
  const stop = () => clearInterval(timer);
  signal.addEventListener('abort', stop, { once: true });
  return stop;
}
