import { createScreen } from './screen.ts';
import { showEnd, showTitle } from './show.ts';
import { type Closers, setStage } from './stage.ts';
import { FAILURES, tell } from './story.ts';

/** It takes a third of this; a demonstration that hangs is none. */
const LIMIT_MS = 60_000;
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

const abort = new AbortController();
const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(LIMIT_MS)]);
for (const [name, code] of Object.entries(SIGNALS)) {
  // Not once: a second Ctrl-C must not leave behind what the first one is clearing away.
  process.on(name, () => {
    process.exitCode = code;
    abort.abort();
  });
}
// As in `npm run demo | head`: nobody is looking any more.
process.stdout.on('error', () => abort.abort());

const screen = createScreen(process.stdout);
const closers: Closers = [];
try {
  showTitle(screen);
  screen.live(screen.paint('dim', '  starting a gateway with a PostgreSQL of its own …'));
  const stage = await setStage(FAILURES, closers, signal);
  await tell(stage, screen, signal);
  showEnd(screen);
} catch (error) {
  screen.line();
  if (!abort.signal.aborted) {
    console.error(`The demonstration failed: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
} finally {
  for (const close of closers.reverse()) await close().catch(() => {});
}
process.exit();
