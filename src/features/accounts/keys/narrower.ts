import { outOfScope, type Principal } from '../../../api/route.ts';
import { isWithin, parseNetwork } from '../../../engine/http/addresses.ts';
import type { Sql } from '../../../platform/db/client.ts';
import { findKey, type KeyScope } from './store.ts';

/**
 * A key that is itself narrowed makes only keys that may do no more than it: else `keys:write` would be everything,
 * by way of a second key.
 *
 * @throws Problem 403
 */
export async function requireNarrower(
  sql: Sql,
  { keyId }: Principal,
  wanted: Pick<KeyScope, 'calls' | 'networks'>,
): Promise<void> {
  const maker = await findKey(sql, keyId);
  const { calls, networks } = maker ?? { calls: null, networks: null };
  if (calls !== null && !wanted.calls?.every((call) => calls.includes(call))) {
    throw outOfScope(`The new key may call no more than this one: ${calls.join(', ')}.`);
  }
  if (networks !== null && !wanted.networks?.every((each) => isAmong(each, networks))) {
    throw outOfScope(
      `The new key may work from no more networks than this one: ${networks.join(', ')}.`,
    );
  }
}

function isAmong(text: string, networks: string[]): boolean {
  const inner = parseNetwork(text);
  return (
    inner !== null &&
    networks.some((each) => {
      const outer = parseNetwork(each);
      return outer !== null && isWithin(inner, outer);
    })
  );
}
