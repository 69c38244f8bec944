import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** What of `process.stdout` the screen uses. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  hasColors?(): boolean;
}

export interface Screen {
  line(text?: string): void;
  /** A last line that the next one, live or not, takes the place of. Nothing where none can be rewritten. */
  live(text: string): void;
  paint(style: Style, text: string): string;
  /** Without a terminal there is no countdown to look at, only what will come. */
  readonly isLive: boolean;
}

const CLEAR_LINE = '\r\u001B[2K';

/** Lines for people: on a terminal in colours and with a live last line, elsewhere plain text. */
export function createScreen(output: Output): Screen {
  const isLive = output.isTTY === true;
  // Node's own look at NO_COLOR, TERM and the like.
  const isColoured = isLive && (output.hasColors?.() ?? false);
  let hasLiveLine = false;

  function write(text: string): void {
    output.write(hasLiveLine ? CLEAR_LINE + text : text);
    hasLiveLine = false;
  }

  return {
    isLive,
    line: (text = '') => write(`${text}\n`),
    live(text) {
      if (!isLive) return;
      write(text);
      hasLiveLine = true;
    },
    // The colours were asked about above; the stream that styleText would ask is not always ours.
    paint: (style, text) => (isColoured ? styleText(style, text, { validateStream: false }) : text),
  };
}
