import { LRUCache } from 'lru-cache';

/** Uses that make a statement a frequent one. */
const FREQUENT = 20;
/** Statements with a name; each keeps a plan in every connection that has run it. */
const MOST_NAMES = 64;
/** Texts whose uses are counted; lists with many filters make ever new ones. */
const MOST_COUNTED = 500;

/**
 * Names for the statements that come often, so that PostgreSQL keeps their plans: parsing and planning
 * a claim costs more than running it. What comes seldom stays unnamed and costs no memory.
 */
export function statementNames(): (sql: string) => string | undefined {
  const names = new Map<string, string>();
  const uses = new LRUCache<string, number>({ max: MOST_COUNTED });
  return (sql) => {
    const name = names.get(sql);
    if (name !== undefined || names.size >= MOST_NAMES) return name;
    const count = (uses.get(sql) ?? 0) + 1;
    uses.set(sql, count);
    if (count === FREQUENT) names.set(sql, `postrider_${names.size}`);
    return undefined;
  };
}
