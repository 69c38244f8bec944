import { Readable } from 'node:stream';
import type { Logger } from 'pino';
import { Problem } from '../../api/problem.ts';
import type { Principal } from '../../api/route.ts';
import type { EventFilter } from './contract.ts';
import type { Place, Placed } from './store.ts';
import type { Tail } from './tail.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const KIB = 1024;

interface StreamLimits {
  perKey: number;
  /** Of one merchant, whatever keys it has. */
  perMerchant: number;
  /** Of all merchants together: the rest is kept for operators. */
  merchants: number;
  inAll: number;
  /** Unread text that a reader may leave with us. */
  unreadBytes: number;
  /** Less than what the server, or a proxy, takes for silence. Keys are looked at again as often. */
  heartbeatMs: number;
  /** Then the browser comes again, to another process perhaps. */
  longestMs: number;
}

const LIMITS: StreamLimits = {
  perKey: 5,
  perMerchant: 20,
  merchants: 160,
  inAll: 200,
  unreadBytes: 256 * KIB,
  heartbeatMs: 15 * SECOND,
  longestMs: 15 * MINUTE,
};
const RETRY_MS = 2_000;

export interface Streams {
  /** @throws Problem 429 where the key, the merchant or the process has as many as it may have */
  open(principal: Principal, filter: EventFilter, after: Place | null): Promise<Readable>;
  /** Ends all of them. */
  close(): void;
}

interface StreamsDeps {
  tail: Tail;
  log: Pick<Logger, 'warn'>;
  /** Those of these keys, by id, that may still be used, in whichever process one was revoked. */
  liveKeys(ids: string[]): Promise<Set<string>>;
  /** Of the console's sessions the same. */
  liveSessions(ids: string[]): Promise<Set<string>>;
}

interface Open {
  keyId: string;
  /** null: an operator's. */
  merchantId: string | null;
  sessionId: string | undefined;
  say(text: string): void;
  end(): void;
}

/** The open streams of server-sent events of this process. */
export function createStreams(
  { tail, log, liveKeys, liveSessions }: StreamsDeps,
  given: Partial<StreamLimits> = {},
): Streams {
  const limits = { ...LIMITS, ...given };
  const open = new Map<Readable, Open>();
  /** One for all of them; null: none is open. */
  let heartbeat: NodeJS.Timeout | null = null;
  let isLooking = false;

  async function beat(): Promise<void> {
    for (const { say } of open.values()) say(':\n\n');
    if (isLooking) return;
    isLooking = true;
    try {
      const asked = [...open.values()];
      const live = await liveKeys([...new Set(asked.map(({ keyId }) => keyId))]);
      const bySession = asked.flatMap(({ sessionId }) => sessionId ?? []);
      const running = bySession.length > 0 ? await liveSessions(bySession) : new Set<string>();
      for (const { keyId, sessionId, end } of asked) {
        if (!live.has(keyId) || (sessionId !== undefined && !running.has(sessionId))) end();
      }
    } catch (error) {
      // Nobody said that a key was revoked. The next beat asks again.
      log.warn({ err: error }, 'live events: keys not looked at');
    } finally {
      isLooking = false;
    }
  }

  function add(stream: Readable, entry: Open): void {
    open.set(stream, entry);
    heartbeat ??= setInterval(() => void beat(), limits.heartbeatMs);
  }

  function remove(stream: Readable): void {
    open.delete(stream);
    if (open.size > 0 || heartbeat === null) return;
    clearInterval(heartbeat);
    heartbeat = null;
  }

  function refuseTooMany({ keyId, merchantId }: Principal): void {
    const all = [...open.values()];
    const count = (isMeant: (each: Open) => boolean) => all.filter(isMeant).length;
    if (count((each) => each.keyId === keyId) >= limits.perKey) {
      throw tooMany(`A key may have ${limits.perKey} live streams open, and this one has.`);
    }
    if (open.size >= limits.inAll) throw tooMany('Too many live streams are open.');
    if (merchantId === null) return;
    if (count((each) => each.merchantId === merchantId) >= limits.perMerchant) {
      throw tooMany(`A merchant may have ${limits.perMerchant} live streams open, and yours has.`);
    }
    if (count((each) => each.merchantId !== null) >= limits.merchants) {
      throw tooMany('Too many live streams are open.');
    }
  }

  return {
    async open(principal, filter, after) {
      refuseTooMany(principal);
      const stream = new Readable({ read() {}, highWaterMark: limits.unreadBytes });
      let isOver = false;
      const end = () => {
        if (!isOver) stream.push(null);
        isOver = true;
      };
      const say = (text: string) => {
        // Who does not read is let go, and may resume; to wait for one would mean to keep for all.
        if (!isOver && !stream.push(text)) stream.destroy();
      };
      const { keyId, merchantId, sessionId } = principal;
      add(stream, { keyId, merchantId, sessionId, say, end });
      const longest = setTimeout(end, limits.longestMs);
      let stop = () => {};
      stream.once('close', () => {
        isOver = true;
        clearTimeout(longest);
        remove(stream);
        stop();
      });
      say(`retry: ${RETRY_MS}\n\n`);
      const matches = matcher(principal.merchantId, filter);
      try {
        const listener = {
          take: (attempts: readonly Placed[]) => {
            const text = attempts.filter(matches).map(toText).join('');
            if (text !== '') say(text);
          },
          gap: () => say('event: gap\ndata: {}\n\n'),
        };
        stop = await tail.listen(listener, after);
      } catch (error) {
        stream.destroy();
        throw error;
      }
      if (stream.destroyed) stop();
      return stream;
    },
    close() {
      for (const { end } of open.values()) end();
    },
  };
}

function tooMany(detail: string): Problem {
  return new Problem(429, 'too_many_streams', detail, { headers: { 'retry-after': '10' } });
}

/** @param merchantId the caller's own; null: sees all */
function matcher(merchantId: string | null, filter: EventFilter) {
  const wanted = Object.entries(filter).map(
    ([name, values]) => [name as keyof EventFilter, new Set<string>(values)] as const,
  );
  return ({ event }: Placed): boolean =>
    (merchantId === null || event.merchantId === merchantId) &&
    wanted.every(([name, values]) => values.has(event[name] ?? ''));
}

function toText({ place, event }: Placed): string {
  return `id: ${place.xid}.${place.id}\nevent: attempt\ndata: ${JSON.stringify(event)}\n\n`;
}

const PLACE = /^(\d{1,19})\.(att_[0-9a-z]{26})$/;

/** What a browser sends back of an id; null: nothing that it got from us. */
export function placeOf(lastEventId: string | undefined): Place | null {
  const [, xid, id] = PLACE.exec(lastEventId ?? '') ?? [];
  return xid === undefined || id === undefined || BigInt(xid) > MAX_BIGINT ? null : { xid, id };
}

const MAX_BIGINT = 2n ** 63n - 1n;
