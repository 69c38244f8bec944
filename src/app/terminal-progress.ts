import { megabytes, type Progress } from '../platform/backup/progress.ts';

const EVERY_MS = 200;

/** A line that is written over and over, on a terminal; elsewhere nothing. */
export function terminalProgress(stream: NodeJS.WriteStream): Progress & { clear(): void } {
  let shownAt = 0;
  const show = (line: string) => {
    if (stream.isTTY) stream.write(`\r\u001b[K${line}`);
  };
  return {
    begin(what, total) {
      let done = 0;
      const isBytes = what !== 'checking';
      return (more) => {
        done += more;
        const now = performance.now();
        if (now - shownAt < EVERY_MS) return;
        shownAt = now;
        const percent = total === 0 ? 100 : Math.min(100, Math.floor((100 * done) / total));
        const count = isBytes ? `${megabytes(done)} of ${megabytes(total)}` : `${done} of ${total}`;
        show(`  ${what} ${percent} %  ${count}`);
      };
    },
    clear: () => show(''),
  };
}
