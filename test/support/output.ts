import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';

/** What a program has said on its standard output, and says. */
export interface Output {
  text(): string;
  /** Calls `look` when there may be more. @returns ends that */
  onMore(look: () => void): () => void;
}

const LOOK_EVERY_MS = 50;

/** The output into a pipe, which somebody has to read. */
export function readPipe(pipe: Readable): Output {
  let text = '';
  pipe.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return {
    text: () => text,
    onMore(look) {
      pipe.on('data', look);
      return () => void pipe.off('data', look);
    },
  };
}

/** The output into a file, which tells nobody that it has grown. */
export function readFile(path: string): Output {
  return {
    text: () => readFileSync(path, 'utf8'),
    onMore(look) {
      const timer = setInterval(look, LOOK_EVERY_MS);
      return () => clearInterval(timer);
    },
  };
}

/** Runs `start` with the file's descriptor, which is the child's alone afterwards. */
export function appendingTo<T>(path: string, start: (descriptor: number) => T): T {
  const descriptor = openSync(path, 'a');
  try {
    return start(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
