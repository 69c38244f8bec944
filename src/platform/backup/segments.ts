/** What the low half of a log position counts to. */
const LOG_BYTES = 2n ** 32n;
const TIMELINE_DIGITS = 8;

/**
 * The names of the log's files from one of them up to a position, in order.
 *
 * @param first e.g. `000000010000000000000006`: timeline, high and low part of the number
 * @param endLsn the position after the last byte that is needed, e.g. `0/7000158`
 */
export function segmentsBetween(first: string, endLsn: string, segmentBytes: number): string[] {
  const size = BigInt(segmentBytes);
  const perLog = LOG_BYTES / size;
  const timeline = first.slice(0, TIMELINE_DIGITS);
  const hex = (from: number) => BigInt(`0x${first.slice(from, from + TIMELINE_DIGITS)}`);
  const firstNumber = hex(TIMELINE_DIGITS) * perLog + hex(2 * TIMELINE_DIGITS);
  // A position on the border of two files is the end of the former.
  const lastNumber = (bytesOf(endLsn) - 1n) / size;
  const names: string[] = [];
  for (let number = firstNumber; number <= lastNumber; number++) {
    names.push(timeline + padded(number / perLog) + padded(number % perLog));
  }
  return names;
}

function bytesOf(lsn: string): bigint {
  const [high = '0', low = '0'] = lsn.split('/');
  return BigInt(`0x${high}`) * LOG_BYTES + BigInt(`0x${low}`);
}

function padded(part: bigint): string {
  return part.toString(16).toUpperCase().padStart(TIMELINE_DIGITS, '0');
}
