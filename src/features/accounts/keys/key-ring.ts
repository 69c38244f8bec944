import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Principal } from '../../../api/route.ts';
import { isInNetwork, parseNetwork } from '../../../engine/http/addresses.ts';
import type { Database } from '../../../platform/db/client.ts';
import { hashKey, hasKeyShape } from './key-format.ts';
import {
  findChangedLately,
  findLiveIds,
  findLiveKey,
  type LiveKey,
  putBootstrapKey,
  touchKeys,
} from './store.ts';

const SECOND = 1000;
/** At the latest then a key is looked up again, whatever was missed. */
const KNOWN_TTL_MS = 30 * SECOND;
const UNKNOWN_TTL_MS = 5 * SECOND;
/** What was cached before a revocation or a rotation is forgotten by then anyway. */
const CHANGED_LATELY_MS = 2 * KNOWN_TTL_MS;
const MAX_CACHED = 10_000;
/** One line of the log for a key and an address within this. */
const STRAY_EVERY_MS = 60 * SECOND;
const TOUCH_EVERY_MS = 60 * SECOND;
/** Uses gather this long and are noted by one statement. */
const TOUCH_DELAY_MS = 1 * SECOND;
const MAX_UNTOUCHED = 10_000;

interface CachedKey {
  principal: Principal;
  /** Of a key that works from some networks alone: whether an address is in one. */
  isAtHome: ((address: string) => boolean) | null;
  /** On this process' monotonic clock. */
  expiresAtMs: number;
  touchAtMs: number;
}

/** Tells who a bearer key belongs to. */
export interface KeyRing {
  /**
   * @param isFresh asks the database in any case: what a revoked key changes stays changed
   * @param from the caller's address; a key with networks works from none that is not known
   * @returns null for a key that is unknown, mistyped, expired or revoked, and for one that is shown outside of its
   *   networks: whoever stole it is not told that it is one
   */
  authenticate(bearer: string, isFresh?: boolean, from?: string | null): Promise<Principal | null>;
  /** Forgets the keys that were revoked or rotated lately, in whichever process: to be called every second. */
  followRevocations(): Promise<void>;
  /** Those of these keys, by id, that may be used now. Asks the database, so it is true everywhere. */
  liveKeys(ids: string[]): Promise<Set<string>>;
  /**
   * Takes the configured operator key, whatever its shape.
   *
   * @returns false where it cannot be one: it was revoked, has expired or is of another role
   */
  ensureOperatorKey(key: string): Promise<boolean>;
  /** Forgets what is cached under a key's hash. */
  forget(hash: string): void;
  /** Forgets every text of these keys, also the ones that rotations have replaced. */
  forgetKeys(ids: readonly string[]): void;
  /** Notes the last uses. */
  close(): Promise<void>;
}

/**
 * Looks keys up by their hash and remembers the answer for half a minute; what is not a key of ours
 * in a cache of its own, so that guesses don't push out real keys. Nothing of a key itself is kept.
 *
 * A revocation in another process takes effect at once for what changes something, and within a second or so for the
 * rest. (Rejected: LISTEN, which needs a connection of its own and does not pass through a pooler.)
 *
 * @param deps.monotonicMs for tests; `performance.now` when absent
 */
export function createKeyRing(deps: {
  database: Database;
  log: Pick<Logger, 'warn'>;
  monotonicMs?: () => number;
}): KeyRing {
  const { prisma } = deps.database;
  const monotonicMs = deps.monotonicMs ?? (() => performance.now());
  const limits = { max: MAX_CACHED, perf: { now: monotonicMs }, ttlResolution: 0 };
  const known = new LRUCache<string, CachedKey>({ ...limits, ttl: KNOWN_TTL_MS });
  const unknown = new LRUCache<string, true>({ ...limits, ttl: UNKNOWN_TTL_MS });
  const lookups = new Map<string, Promise<CachedKey | null>>();
  const configured = new Set<string>();
  let forgotten = 0;
  const touched = notesUses(deps);
  const strays = new LRUCache<string, true>({ ...limits, ttl: STRAY_EVERY_MS });

  /** The caller hears nothing of it, so the operator must: this is how a stolen key shows. */
  function tellStray(keyId: string, from: string | null): void {
    const name = `${keyId} ${from}`;
    if (strays.has(name)) return;
    strays.set(name, true);
    deps.log.warn({ keyId, from }, 'a key was shown outside of its networks');
  }

  async function lookUp(hash: string): Promise<CachedKey | null> {
    const askedAtMs = monotonicMs();
    const forgottenBefore = forgotten;
    const live = await findLiveKey(prisma, hash);
    const key = live === null ? null : toCached(live, askedAtMs);
    if (key === null) known.delete(hash);
    // A revocation in between may be younger than this answer: it is given, not kept.
    if (forgotten !== forgottenBefore) return key;
    if (key === null) unknown.set(hash, true);
    else known.set(hash, key);
    return key;
  }

  /** Callers that ask for the same key at once share one query. */
  function lookUpOnce(hash: string): Promise<CachedKey | null> {
    const running = lookups.get(hash);
    if (running !== undefined) return running;
    const lookup = lookUp(hash).finally(() => {
      if (lookups.get(hash) === lookup) lookups.delete(hash);
    });
    lookups.set(hash, lookup);
    return lookup;
  }

  function forget(hash: string): void {
    forgotten += 1;
    known.delete(hash);
    unknown.delete(hash);
    lookups.delete(hash);
  }

  function forgetKeys(ids: readonly string[]): void {
    if (ids.length === 0) return;
    const changed = new Set(ids);
    // What is being looked up may be older than the change: it is neither kept nor shared.
    forgotten += 1;
    lookups.clear();
    for (const [hash, { principal }] of known.entries()) {
      if (changed.has(principal.keyId)) known.delete(hash);
    }
  }

  return {
    forget,
    forgetKeys,
    close: touched.flush,
    liveKeys: (ids) => findLiveIds(prisma, ids),
    async followRevocations() {
      forgetKeys(await findChangedLately(prisma, CHANGED_LATELY_MS));
    },
    async authenticate(bearer, isFresh = false, from = null) {
      const hash = hashKey(bearer);
      if (bearer.startsWith('pr_') && !hasKeyShape(bearer) && !configured.has(hash)) return null;
      if (unknown.has(hash)) return null;
      const cached = isFresh ? undefined : known.get(hash);
      const key = cached ?? (await lookUpOnce(hash));
      const nowMs = monotonicMs();
      if (key === null || nowMs >= key.expiresAtMs) return null;
      if (key.isAtHome !== null && (from === null || !key.isAtHome(from))) {
        tellStray(key.principal.keyId, from);
        return null;
      }
      if (nowMs >= key.touchAtMs) {
        key.touchAtMs = nowMs + TOUCH_EVERY_MS;
        touched.add(key.principal.keyId);
      }
      return key.principal;
    },
    async ensureOperatorKey(key) {
      const hash = hashKey(key);
      if (!(await putBootstrapKey(prisma, hash))) return false;
      configured.add(hash);
      forget(hash);
      return true;
    },
  };
}

function toCached(
  { principal, networks, expiresInMs, usedAgoMs }: LiveKey,
  askedAtMs: number,
): CachedKey {
  return {
    principal,
    isAtHome: networks && isInOneOf(networks),
    expiresAtMs: askedAtMs + (expiresInMs ?? Number.POSITIVE_INFINITY),
    touchAtMs: usedAgoMs === null ? askedAtMs : askedAtMs + TOUCH_EVERY_MS - usedAgoMs,
  };
}

function isInOneOf(texts: string[]): (address: string) => boolean {
  const networks = texts.map(parseNetwork).filter((network) => network !== null);
  return (address) => networks.some((network) => isInNetwork(address, network));
}

/** Gathers the ids of keys that were used. A note that fails is lost: the next use makes another. */
function notesUses({ database, log }: { database: Database; log: Pick<Logger, 'warn'> }) {
  let waiting = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  async function note(ids: string[]): Promise<void> {
    try {
      await touchKeys(database.prisma, ids);
    } catch (error) {
      log.warn({ err: error, keys: ids.length }, 'last use of keys not noted');
    }
  }

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const ids = [...waiting];
    waiting = new Set();
    if (ids.length > 0) running = running.then(() => note(ids));
    await running;
  }

  return {
    flush,
    add(keyId: string): void {
      if (waiting.size >= MAX_UNTOUCHED) return;
      waiting.add(keyId);
      timer ??= setTimeout(() => void flush(), TOUCH_DELAY_MS).unref();
    },
  };
}
