import type { Sql } from '../../platform/db/client.ts';
import { chained, FIRST_HASH } from './chain.ts';
import type { Verification } from './contract.ts';
import { findArchived, findLastArchived } from './store-archive.ts';
import { countUnsealed, findHash, findHead, findSealed, type SealedLine } from './store-chain.ts';

const PAGE = 500;
/** Beyond these, the first ones tell enough. */
const MAX_FAULTS = 20;

type Fault = Verification['faults'][number];

/**
 * Reckons the chain anew from the entries as they are.
 *
 * @param after the place to begin behind; null: the beginning of what is in the log, the archived pieces before it included
 * @param limit how many entries
 * @returns null where the place is not in the log
 */
export async function verifyChain(
  sql: Sql,
  after: bigint | null,
  limit: number,
): Promise<Verification | null> {
  const faults: Fault[] = [];
  const begin = after === null ? await beginning(sql, faults) : await placeOf(sql, after);
  if (begin === null) return null;
  // Before the entries, as it moves on meanwhile.
  const head = await findHead(sql);
  let { place, hash } = begin;
  let checked = 0;
  while (checked < limit) {
    const page = await findSealed(sql, place, Math.min(PAGE, limit - checked));
    for (const sealed of page) {
      const fault = faultOf(sealed, place, hash);
      if (fault !== null && faults.length < MAX_FAULTS) faults.push(fault);
      ({ place, hash } = sealed);
      if (place === head.place && hash !== head.hash)
        faults.push({ place: String(place), kind: 'head' });
    }
    checked += page.length;
    if (page.length < PAGE) break;
  }
  const isAtEnd = place >= head.place || checked < limit;
  if (isAtEnd && place < head.place) faults.push({ place: String(head.place), kind: 'head' });
  return {
    isWhole: faults.length === 0,
    checked,
    lastPlace: String(place),
    lastHash: hash,
    next: isAtEnd ? null : String(place),
    unsealed: await countUnsealed(sql),
    faults: faults.slice(0, MAX_FAULTS),
  };
}

function faultOf(sealed: SealedLine, place: bigint, hash: string): Fault | null {
  const at = String(sealed.place);
  if (sealed.place !== place + 1n) return { place: at, kind: 'gap' };
  if (sealed.line === null) return { place: at, kind: 'missing_entry' };
  return chained(hash, sealed.line) === sealed.hash ? null : { place: at, kind: 'changed_entry' };
}

/** Behind the pieces that have gone, which must follow each other. */
async function beginning(sql: Sql, faults: Fault[]): Promise<{ place: bigint; hash: string }> {
  let place = 0n;
  let hash = FIRST_HASH;
  for (const piece of await findArchived(sql)) {
    if (piece.firstPlace !== place + 1n || piece.previousHash !== hash) {
      faults.push({ place: String(piece.firstPlace), kind: 'archive' });
    }
    ({ lastPlace: place, lastHash: hash } = piece);
  }
  return { place, hash };
}

async function placeOf(sql: Sql, place: bigint): Promise<{ place: bigint; hash: string } | null> {
  const archived = await findLastArchived(sql);
  if (archived?.lastPlace === place) return { place, hash: archived.lastHash };
  const hash = await findHash(sql, place);
  return hash === null ? null : { place, hash };
}
