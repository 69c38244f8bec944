import { createScreen } from '../../src/demo/screen.ts';
import type { Closers } from '../../src/demo/stage.ts';
import { tellOfMessage } from './message.ts';
import { setStage } from './stage.ts';
import { tell } from './story.ts';

/** It takes a fortieth of this where nothing else runs; an example that hangs is none. */
const LIMIT_MS = 600_000;

const abort = new AbortController();
const { signal } = abort;
let isInterrupted = false;
setTimeout(() => abort.abort(new Error(`it took longer than ${LIMIT_MS} ms`)), LIMIT_MS).unref();
for (const [name, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
  process.on(name, () => {
    process.exitCode = code;
    isInterrupted = true;
    abort.abort();
  });
}
process.stdout.on('error', () => {
  isInterrupted = true;
  abort.abort();
});

const screen = createScreen(process.stdout);
const closers: Closers = [];
try {
  screen.line();
  screen.line(
    `  ${screen.paint('bold', 'The shop')}  orders, stock, points and shipping, and one TCC coordinator`,
  );
  screen.line();
  screen.live(screen.paint('dim', '  starting PostgreSQL, the gateway and four services …'));
  const stage = await setStage(closers, signal);
  await tell(stage, screen, signal);
  await tellOfMessage(stage, screen, closers, signal);
  screen.line('  After every order the books add up, and nothing is left frozen or added ahead.');
  screen.line();
} catch (error) {
  screen.line();
  if (!isInterrupted) {
    console.error(`The example failed: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
} finally {
  for (const close of closers.reverse()) await close().catch(() => {});
}
process.exit();
