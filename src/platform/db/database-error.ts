/** What PostgreSQL, or the way to it, said was wrong. */
export interface DatabaseFault {
  /** `23505` and so on; null: no server said so. */
  sqlState: string | null;
  /** The error's own code where it is no SQLSTATE: `ECONNREFUSED`, `P2028`. */
  code: string | null;
  /** The driver adapter's name for it: `DatabaseNotReachable`. */
  kind: string | null;
  message: string;
  constraint: string | null;
}

/** Errors are wrapped a few times at most; a cycle must end. */
const MAX_CAUSES = 6;
const SQL_STATE = /^(?!P\d{4}$|E[A-Z]+$)[0-9A-Z]{5}$/;

/**
 * The SQLSTATE behind an error, however deep the driver or Prisma has wrapped it; null where there is none.
 * This file alone knows how they do it.
 */
export function sqlStateOf(error: unknown): string | null {
  return faultsIn(error).find(({ sqlState }) => sqlState !== null)?.sqlState ?? null;
}

/** Whether the server ended the statement for its time, or somebody did by hand. */
export function isStatementTimeout(error: unknown): boolean {
  return sqlStateOf(error) === '57014';
}

/** Whether the server refused a value for what it is: a number out of range, a character it cannot hold. */
export function isRefusedValue(error: unknown): boolean {
  return sqlStateOf(error)?.startsWith('22') ?? false;
}

/** Whether the server had no room on its disk. @param error or what the server sent of it */
export function isDiskFull(error: unknown): boolean {
  return sqlStateOf(error) === '53100';
}

/** What says most about an error of the database's or of the way to it; null: it is neither. */
export function databaseFaultOf(error: unknown): DatabaseFault | null {
  const faults = faultsIn(error);
  return (
    faults.findLast(({ sqlState }) => sqlState !== null) ??
    faults.findLast(isPassing) ??
    faults.find(({ code }) => code !== null && /^P\d{4}$/.test(code)) ??
    null
  );
}

/** Whether the error means that the database is away or busy, rather than that we are wrong. */
export function isUnavailable(error: unknown): boolean {
  return faultsIn(error).some(isPassing);
}

const PASSING_STATES = new Set([
  '25006', // read-only: a standby, or a server that keeps the rest of its disk
  '25P03', // idle in a transaction for too long: we were held up
  '40001', // rolled back because of another transaction
  '40P01', // deadlock
  '55P03', // a lock was not given in time
  '57014', // ended, by a time limit or by hand
  '57P01', // shut down
  '57P02', // crashed
  '57P03', // starting up, or a standby that takes nobody
  '57P05', // idle for too long
  '58000', // system error
  '58030', // a read or a write failed
]);
/** Connections, and what there is too little of: disk, memory, connections. */
const PASSING_CLASSES = /^(08|53)/;
const PASSING_CODES = new Set([
  // Prisma: not reachable, closed, no connection or transaction in time, two at once, too many connections.
  'P1001',
  'P1002',
  'P1008',
  'P1017',
  'P2024',
  'P2028',
  'P2034',
  'P2037',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  // Our own descriptors, ports or memory are used up.
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EADDRNOTAVAIL',
]);
const PASSING_KINDS = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'TooManyConnections',
  'SocketTimeout',
  'TlsConnectionError',
]);
/** What `pg` says, in plain errors without a code, when a connection is lost or none is free. */
const PASSING_MESSAGE =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end)/;

function isPassing({ sqlState, code, kind, message }: DatabaseFault): boolean {
  if (sqlState !== null) return PASSING_STATES.has(sqlState) || PASSING_CLASSES.test(sqlState);
  if (code !== null && PASSING_CODES.has(code)) return true;
  return (kind !== null && PASSING_KINDS.has(kind)) || PASSING_MESSAGE.test(message);
}

/** The error and what is wrapped in it, the outermost first. */
function faultsIn(error: unknown): DatabaseFault[] {
  const faults: DatabaseFault[] = [];
  for (let current = error; faults.length < MAX_CAUSES; current = causeOf(current)) {
    if (typeof current !== 'object' || current === null) break;
    faults.push(faultIn(current));
  }
  return faults;
}

function faultIn(error: object): DatabaseFault {
  const { code, originalCode, kind, message, originalMessage, constraint } = error as Record<
    string,
    unknown
  >;
  const own = textOf(originalCode) ?? textOf(code);
  const isState = own !== null && SQL_STATE.test(own);
  return {
    sqlState: isState ? own : null,
    code: isState ? null : own,
    kind: textOf(kind),
    message: textOf(originalMessage) ?? textOf(message) ?? '',
    constraint: textOf(constraint) ?? indexOf(constraint),
  };
}

/** The driver adapter wraps a constraint's name, too. */
function indexOf(constraint: unknown): string | null {
  return typeof constraint === 'object' && constraint !== null && 'index' in constraint
    ? textOf(constraint.index)
    : null;
}

/** Prisma hides the driver's error in `meta.driverAdapterError`; Node lists several in `errors`. */
function causeOf(error: unknown): unknown {
  if (typeof error !== 'object' || error === null) return undefined;
  const { cause, meta, errors } = error as Record<string, unknown>;
  if (cause !== undefined) return cause;
  if (typeof meta === 'object' && meta !== null) {
    return (meta as Record<string, unknown>).driverAdapterError;
  }
  return Array.isArray(errors) ? errors[0] : undefined;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
