import { z } from 'zod';
import type { StatementRow } from './row.ts';

/** What the rows of one status and currency come to. */
export const statementTotal = z.object({
  status: z.string().nullable(),
  currency: z.string().nullable(),
  count: z.number().int(),
  /** null: none of these rows names an amount. */
  amount: z.string().nullable(),
});
export type StatementTotal = z.output<typeof statementTotal>;

/** A decimal number, exactly: `units` × 10^-`scale`. */
interface Decimal {
  units: bigint;
  scale: number;
}

interface Sum {
  status: string | null;
  currency: string | null;
  count: number;
  amount: Decimal | null;
}

/**
 * Adds up a statement as its rows pass. Amounts are integers of their smallest unit here, never
 * floats; the sum has as many decimals as the longest of them, as PostgreSQL's numeric would.
 */
export function createTotals() {
  const sums = new Map<string, Sum>();
  return {
    add({ status, currency, amount }: StatementRow): void {
      const key = JSON.stringify([status, currency]);
      let sum = sums.get(key);
      if (sum === undefined) {
        sum = { status, currency, count: 0, amount: null };
        sums.set(key, sum);
      }
      sum.count += 1;
      if (amount !== null) sum.amount = plus(sum.amount, parseDecimal(amount));
    },

    /** By status, then currency. */
    list(): StatementTotal[] {
      return [...sums.entries()]
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([, sum]) => ({ ...sum, amount: sum.amount && formatDecimal(sum.amount) }));
    },
  };
}

function parseDecimal(text: string): Decimal {
  const point = text.indexOf('.');
  if (point === -1) return { units: BigInt(text), scale: 0 };
  return {
    units: BigInt(text.slice(0, point) + text.slice(point + 1)),
    scale: text.length - point - 1,
  };
}

function plus(one: Decimal | null, other: Decimal): Decimal {
  if (one === null) return other;
  const scale = Math.max(one.scale, other.scale);
  return { units: unitsAt(one, scale) + unitsAt(other, scale), scale };
}

function unitsAt({ units, scale }: Decimal, wanted: number): bigint {
  return units * 10n ** BigInt(wanted - scale);
}

function formatDecimal({ units, scale }: Decimal): string {
  const sign = units < 0n ? '-' : '';
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  if (scale === 0) return sign + digits;
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
