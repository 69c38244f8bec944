import { databaseFaultOf, isUnavailable } from '../db/database-error.ts';

/**
 * An error as the log may show it. Of a database's error that is the SQLSTATE and the message, without the
 * values that class 22 puts into it; members beyond these hold the very row that was refused, and those of a
 * timer's error the command that failed.
 */
export function faultOf(error: unknown): object {
  if (!(error instanceof Error)) return { error: typeof error };
  const { name, message, stack, cause } = error;
  const fault = databaseFaultOf(error);
  if (fault !== null) {
    const { sqlState, code, constraint } = fault;
    const said = sqlState?.startsWith('22') ? withoutValues(fault.message) : fault.message;
    return {
      error: name,
      ...(sqlState !== null && { sqlState }),
      ...(code !== null && { code }),
      ...(constraint !== null && { constraint }),
      message: said,
      // Where it happened says nothing of a database that is away.
      ...(!isUnavailable(error) && { at: framesOf(stack) }),
    };
  }
  const code = 'code' in error ? error.code : undefined;
  return {
    error: name,
    code,
    message,
    at: framesOf(stack),
    ...(cause instanceof Error && { cause: cause.message }),
  };
}

function withoutValues(message: string): string {
  return message.replaceAll(/"[^"]*"/g, '"…"');
}

/** The stack without the message before it, which may go over many lines. */
function framesOf(stack: string | undefined): string[] {
  return (stack ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '));
}
