import { type Logger, pino } from 'pino';
import { countRepeats } from './repeats.ts';
import { type LogSink, openLogSink } from './sink.ts';

export interface Log {
  log: Logger;
  sink: LogSink;
}

/**
 * The program's log: a line of JSON an event, on standard output. It never stops the program: where
 * nobody takes its lines, the disk being full or the reader asleep, some are lost, and counted.
 */
export function openLog(level: string): Log {
  const sink = openLogSink(1);
  const log = pino({ level, hooks: { logMethod: countRepeats() } }, sink);
  sink.onRecovery((lost) => log.warn({ lost }, 'lines of this log were lost'));
  return { log, sink };
}
