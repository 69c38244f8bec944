import { Resolver } from 'node:dns/promises';
import { isIP, type Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { LRUCache } from 'lru-cache';
import { buildConnector, Client } from 'undici';
import { isHostname, isMetadataAddress, isPrivateName, isPublicAddress } from './addresses.ts';

const SECOND = 1000;
const LONGEST_URL = 2048;
/** As URL shows them: 443 is the default of https and therefore empty. */
const PUBLIC_PORTS = ['', '8443'];

interface TargetRules {
  /** Loopback, private addresses, any port and plain http are fine: development and tests. */
  allowPrivateTargets: boolean;
}

type UrlCheck = { ok: true; url: URL } | { ok: false; reason: string };

/**
 * Whether an address may be called, as far as it shows without asking DNS. Pure.
 *
 * WHATWG's URL has already turned `0177.1`, `2130706433` and `①②⑦.0.0.1` into what they are, so the
 * checks are made on what it parsed, never on the text.
 *
 * @returns the parsed URL, or a sentence for the caller
 */
export function checkUrl(text: string, rules: TargetRules): UrlCheck {
  if (text.length > LONGEST_URL) return refused(`A URL has at most ${LONGEST_URL} characters.`);
  const url = parseUrl(text);
  if (url === null) return refused('This is not an absolute https URL.');
  if (url.username !== '' || url.password !== '') {
    return refused('A URL must not hold a user name or password.');
  }
  if (text.includes('#')) return refused('A URL must not have a fragment.');
  const literal = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(literal) !== 0) {
    if (!isCallable(literal, rules)) return refused('This address may not be called.');
  } else if (!isHostname(url.hostname)) {
    return refused('The host is not a valid name.');
  }
  if (rules.allowPrivateTargets) return { ok: true, url };

  if (url.protocol !== 'https:') return refused('Only https is called.');
  if (!PUBLIC_PORTS.includes(url.port)) return refused('Only the ports 443 and 8443 are called.');
  if (isIP(literal) === 0 && isPrivateName(url.hostname)) {
    return refused('The host must be a public name.');
  }
  return { ok: true, url };
}

function refused(reason: string): UrlCheck {
  return { ok: false, reason };
}

/** URL also takes `https:host`, `https:\\host` and line breaks inside a name: nobody means those. */
function parseUrl(text: string): URL | null {
  if (!/^https?:\/\/[^\s\p{Cc}\\]+$/iu.test(text)) return null;
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

function isCallable(address: string, rules: TargetRules): boolean {
  return rules.allowPrivateTargets ? !isMetadataAddress(address) : isPublicAddress(address);
}

interface Address {
  address: string;
  family: 4 | 6;
}

/** Why there is no connection, when it is not the network's doing. */
export class DestinationError extends Error {
  readonly outcome: 'blocked_target' | 'dns_error';

  constructor(outcome: DestinationError['outcome']) {
    super(outcome);
    this.name = 'DestinationError';
    this.outcome = outcome;
  }
}

export interface Guard {
  /**
   * The addresses of a name that may be called, at least one.
   *
   * @throws DestinationError `blocked_target` when any of its addresses may not be called,
   *   `dns_error` when it has none
   */
  resolve(hostname: string): Promise<readonly Address[]>;
  /** For registration: false when the name leads to a forbidden address now. A name that doesn't resolve yet may still come to. */
  checkReachableName(hostname: string): Promise<boolean>;
  /** undici's connector. Connects to checked addresses only; the socket is returned while it still connects. */
  connect(options: buildConnector.Options, done: buildConnector.Callback): Socket | null;
  /** Gives up the questions that are still open. */
  close(): void;
}

interface GuardOptions extends TargetRules {
  /** `ip:port`; the system's when absent. */
  dnsServers?: string[];
  /** PEM, in place of the public certificate authorities. */
  ca?: string;
}

/** For the first try of one query; c-ares chooses the next one's by what it knows of the server. */
const DNS_TIMEOUT_MS = 1500;
const DNS_TRIES = 2;
/** Short: it coalesces a burst to one name and spares a broken name's server; it doesn't replace DNS' own TTL. */
const CACHED_MS = 5000;
const CACHED_NAMES = 10_000;
/** Of the addresses of one name; a name with hundreds must not keep an attempt busy. */
const MOST_ADDRESSES = 8;
/** Node tries one address after the other; its default of 250 ms is less than a round trip across the world. */
const NEXT_ADDRESS_AFTER_MS = 1000;
const CACHED_TLS_SESSIONS = 1000;

/**
 * The guard between us and the network: every name is resolved, every address checked, and the
 * connection made to the very address that was checked, so that a second DNS answer changes nothing.
 *
 * `dns.lookup` is not used: it shares four threads with everything else, which slow DNS can hold.
 */
export function createGuard(options: GuardOptions): Guard {
  const resolver = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: DNS_TRIES });
  if (options.dnsServers !== undefined) resolver.setServers(options.dnsServers);
  const cache = new LRUCache<string, Promise<readonly Address[]>>({
    max: CACHED_NAMES,
    ttl: CACHED_MS,
  });

  function resolve(hostname: string): Promise<readonly Address[]> {
    const known = cache.get(hostname);
    if (known !== undefined) return known;
    const fresh = resolveChecked(hostname, resolver, options);
    cache.set(hostname, fresh);
    return fresh;
  }

  const connector = buildConnector({
    // No timeout of its own: whoever connects has a deadline and destroys the socket.
    timeout: 0,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER_MS,
    maxCachedSessions: CACHED_TLS_SESSIONS,
    // Made once: otherwise every connection would parse the authorities again.
    secureContext: createSecureContext(options.ca === undefined ? {} : { ca: options.ca }),
    // autoSelectFamily makes Node ask for all addresses.
    lookup: (hostname, _all, done) => {
      resolve(hostname).then(
        (addresses) => done(null, [...addresses]),
        (error: Error) => done(error, []),
      );
    },
  });

  return {
    resolve,
    async checkReachableName(hostname) {
      try {
        await resolve(hostname);
        return true;
      } catch (error) {
        if (!(error instanceof DestinationError)) throw error;
        return error.outcome !== 'blocked_target';
      }
    },
    connect(target, done) {
      // Node calls no lookup for a literal.
      if (isIP(target.hostname) !== 0 && !isCallable(target.hostname, options)) {
        process.nextTick(done, new DestinationError('blocked_target'), null);
        return null;
      }
      // Typed as void, but returned by every version of undici 7: a test holds it to that.
      return connector(target, done) as unknown as Socket;
    },
    close: () => resolver.cancel(),
  };
}

async function resolveChecked(
  hostname: string,
  resolver: Resolver,
  rules: TargetRules,
): Promise<readonly Address[]> {
  if (rules.allowPrivateTargets && /^(.+\.)?localhost$/.test(hostname)) return LOCALHOST;
  const [v4, v6] = await Promise.all([
    resolver.resolve4(hostname).catch(() => []),
    resolver.resolve6(hostname).catch(() => []),
  ]);
  // All of them, also those that would never be tried: one is enough to show where it leads.
  if (![...v4, ...v6].every((address) => isCallable(address, rules))) {
    throw new DestinationError('blocked_target');
  }
  const addresses = interleave(v4, v6).slice(0, MOST_ADDRESSES);
  if (addresses.length === 0) throw new DestinationError('dns_error');
  return addresses;
}

const LOCALHOST: readonly Address[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/** So that both families are among the first few. */
function interleave(v4: readonly string[], v6: readonly string[]): Address[] {
  const addresses: Address[] = [];
  for (let index = 0; index < Math.max(v4.length, v6.length); index += 1) {
    const [four, six] = [v4[index], v6[index]];
    if (four !== undefined) addresses.push({ address: four, family: 4 });
    if (six !== undefined) addresses.push({ address: six, family: 6 });
  }
  return addresses;
}

/** A connection to one origin, or the way to one. It serves one attempt at a time. */
export interface Line {
  readonly origin: string;
  readonly client: Client;
  socket: Socket | null;
  remoteAddress: string | null;
  /** How much the receiver may still say in this attempt. */
  bytesLeft: number;
}

export type Lines = ReturnType<typeof openLines>;

const MOST_HEADER_BYTES = 16 * 1024;
/** Shorter than the 5 s after which many servers hang up, so that we rarely write into a closing connection. */
const KEPT_MS = 4 * SECOND;
const LONGEST_KEPT_MS = 30 * SECOND;
const KEPT_MARGIN_MS = 1.5 * SECOND;
const MOST_KEPT_LINES = 2000;
/** Of one answer with all that is around it: 16 KiB of headers, and 16 KiB of body in the smallest chunks. */
const MOST_ANSWER_BYTES = 256 * 1024;
const SIP_BYTES = 1024;
/** A busy connection ends now and then too, so that a change in DNS gets noticed. */
const REQUESTS_A_LINE = 1000;

/**
 * The connections that are open. undici's Agent would pool them too, but it doesn't tell which
 * socket a request went over, and when a request is given up while it still connects, the Agent
 * goes on connecting: a dead host would collect sockets. How many lines there may be at once is
 * flow control's business, which decides how many attempts there are.
 */
export function openLines(guard: Guard) {
  const open = new Set<Line>();
  const kept = new Map<string, Line[]>();
  let keptCount = 0;

  function dial(origin: string): Line {
    const client = new Client(origin, {
      pipelining: 1,
      maxHeaderSize: MOST_HEADER_BYTES,
      maxRequestsPerClient: REQUESTS_A_LINE,
      keepAliveTimeout: KEPT_MS,
      keepAliveMaxTimeout: LONGEST_KEPT_MS,
      keepAliveTimeoutThreshold: KEPT_MARGIN_MS,
      // The attempt's own deadline covers these.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect(target, done) {
        line.remoteAddress = null;
        const socket = guard.connect(target, done);
        line.socket = socket;
        if (socket === null) return;
        readInSips(socket, line);
        // A socket that has closed doesn't know it any more.
        socket.once('connect', () => {
          line.remoteAddress = socket.remoteAddress ?? null;
        });
      },
    });
    const line: Line = { origin, client, socket: null, remoteAddress: null, bytesLeft: 0 };
    client.on('disconnect', () => forget(line));
    open.add(line);
    return line;
  }

  /** A kept line whose socket has closed. One that is in use dials again by itself. */
  function forget(line: Line): void {
    const same = kept.get(line.origin);
    const index = same?.indexOf(line) ?? -1;
    if (same === undefined || index < 0) return;
    same.splice(index, 1);
    keptCount -= 1;
    if (same.length === 0) kept.delete(line.origin);
    hangUp(line);
  }

  function take(origin: string): Line {
    const line = takeKept(origin) ?? dial(origin);
    line.bytesLeft = MOST_ANSWER_BYTES;
    return line;
  }

  function takeKept(origin: string): Line | undefined {
    const same = kept.get(origin);
    const line = same?.pop();
    if (line !== undefined) keptCount -= 1;
    if (same?.length === 0) kept.delete(origin);
    return line;
  }

  function giveBack(line: Line): void {
    if (keptCount >= MOST_KEPT_LINES) return void hangUp(line);
    const same = kept.get(line.origin);
    if (same === undefined) kept.set(line.origin, [line]);
    else same.push(line);
    keptCount += 1;
  }

  function hangUp(line: Line): Promise<void> {
    open.delete(line);
    // Also while it still connects, which the client alone would wait for.
    line.socket?.destroy();
    return line.client.destroy();
  }

  return {
    take,
    giveBack,
    hangUp,
    async close() {
      kept.clear();
      await Promise.all([...open].map(hangUp));
    },
  };
}

/**
 * Lets undici have what a socket has received in small pieces, and only so much of it.
 *
 * undici takes whatever has arrived, often 64 KiB, and parses it to the end: its limit for headers
 * makes an error for every field behind it, which kept the process busy for 140 ms an attempt, and
 * it has no limit at all for a status line or the extension of a chunk.
 */
function readInSips(socket: Socket, line: Line): void {
  const read = socket.read.bind(socket);
  socket.read = (size?: number) => {
    // Node's own calls name a size; undici's don't.
    if (size !== undefined) return read(size);
    if (socket.destroyed) return null;
    const chunk: Buffer | null = read(Math.min(socket.readableLength, SIP_BYTES) || undefined);
    line.bytesLeft -= chunk?.length ?? 0;
    if (line.bytesLeft >= 0) return chunk;
    socket.destroy(new Error('The answer has no end.'));
    return null;
  };
}
