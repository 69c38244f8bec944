/** Prisma: can't reach the database, connection closed, no connection in time, no transaction in time, two at once. */
const PRISMA_CODES = ['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2034', 'P2037'];
/**
 * SQLSTATE: shut down, crashed, starting up, too many connections; rolled back for somebody else's
 * sake: two at once, a deadlock, a lock not given, a time limit. Class 08 is matched below.
 */
const SQL_STATES = ['57P01', '57P02', '57P03', '53300', '40001', '40P01', '55P03', '57014'];
const SYSTEM_CODES = [
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
];
const CODES = new Set([...PRISMA_CODES, ...SQL_STATES, ...SYSTEM_CODES]);
/** What pg says, in plain errors without a code, when a connection is lost or none is free. */
const MESSAGE =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Cannot use a pool after calling end)/;
/** Errors are wrapped a few times at most; a cycle must end. */
const MAX_CAUSES = 6;

/** Whether the error means that the database is away or busy, rather than that we are wrong. */
export function isUnavailable(error: unknown): boolean {
  let current = error;
  for (let depth = 0; depth < MAX_CAUSES; depth += 1) {
    if (typeof current !== 'object' || current === null) return false;
    if (saysSo(current)) return true;
    current = causeOf(current);
  }
  return false;
}

function saysSo(error: object): boolean {
  for (const field of ['code', 'originalCode', 'kind'] as const) {
    const code = (error as Record<string, unknown>)[field];
    if (typeof code !== 'string') continue;
    if (CODES.has(code) || /^08\w{3}$/.test(code) || KINDS.has(code)) return true;
  }
  return 'message' in error && typeof error.message === 'string' && MESSAGE.test(error.message);
}

/** The driver adapter's own names for the same troubles. */
const KINDS = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'TooManyConnections',
  'SocketTimeout',
]);

/** Prisma hides the driver's error in `meta.driverAdapterError`; Node lists several in `errors`. */
function causeOf(error: object): unknown {
  const { cause, meta, errors } = error as Record<string, unknown>;
  if (cause !== undefined) return cause;
  if (typeof meta === 'object' && meta !== null) {
    return (meta as Record<string, unknown>).driverAdapterError;
  }
  return Array.isArray(errors) ? errors[0] : undefined;
}
