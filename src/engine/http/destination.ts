import { isIP, type Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { LRUCache } from 'lru-cache';
import { buildConnector } from 'undici';
import { isHostname, isPrivateName } from './addresses.ts';
import { type Address, dnsNames, systemNames } from './names.ts';
import { type Connection, connectionOf } from './target-list.ts';
import { isDenied, isPublicConnection, mayBeCalled, type TargetRules } from './target-rules.ts';

const LONGEST_URL = 2048;

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
  const to = connectionOf(url);
  const isLiteral = isIP(to.hostname) !== 0;
  if (isLiteral) {
    if (!mayBeCalled(to.hostname, to, rules)) return refused('This address may not be called.');
  } else if (!isHostname(url.hostname)) {
    return refused('The host is not a valid name.');
  }
  if (isDenied(to.hostname, to, rules)) return refused('This address may not be called.');
  if (rules.only?.mayCall(url) === false) return refused('This address may not be called.');
  if (rules.allowPrivateTargets || rules.alsoAllowed?.mayCall(url)) return { ok: true, url };

  if (url.protocol !== 'https:') return refused('Only https is called.');
  if (!isPublicConnection(to)) return refused('Only the ports 443 and 8443 are called.');
  if (!isLiteral && isPrivateName(url.hostname)) {
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
   * The addresses that a name leads to and that may be called, at least one; of a literal the one that it is.
   *
   * @throws DestinationError `blocked_target` when any of its addresses may not be called,
   *   `dns_error` when it has none
   */
  resolve(to: Connection): Promise<readonly Address[]>;
  /** For registration: false when it is or leads to a forbidden address now. A name that doesn't resolve yet may still come to. */
  checkReachable(url: URL): Promise<boolean>;
  /** undici's connector. Connects to checked addresses only; the socket is returned while it still connects. */
  connect(options: buildConnector.Options, done: buildConnector.Callback): Socket | null;
  /** Gives up the questions that are still open. */
  close(): void;
}

export interface GuardOptions extends TargetRules {
  /** `ip:port`, to be asked for names; the system's when absent. */
  dnsServers?: string[];
  /** PEM, in place of the public certificate authorities. */
  ca?: string;
}

/** Short: it coalesces a burst to one name and spares a broken name's server; it doesn't replace DNS' own TTL. */
const CACHED_MS = 5000;
const CACHED_NAMES = 10_000;
/** Of the addresses of one name; a name with hundreds must not keep an attempt busy. */
const MOST_ADDRESSES = 8;
/** Node tries one address after the other; its default of 250 ms is less than a round trip across the world. */
const NEXT_ADDRESS_AFTER_MS = 1000;
const CACHED_TLS_SESSIONS = 1000;
const MOST_CONNECTORS = 100;

/**
 * The guard between us and the network: every name is resolved, every address checked, and the
 * connection made to the very address that was checked, so that a second DNS answer changes nothing.
 *
 * Where private targets are allowed, or listed, names are the system's, as in every other program of the machine.
 * Elsewhere they are DNS' alone: what somebody registers is a public name, whatever the hosts file
 * of this machine makes of it, and slow DNS must not hold the threads that the system's lookup needs.
 */
export function createGuard(options: GuardOptions): Guard {
  const { allowPrivateTargets, alsoAllowed, dnsServers } = options;
  const isSystems = (allowPrivateTargets || alsoAllowed != null) && dnsServers === undefined;
  const names = isSystems ? systemNames() : dnsNames(dnsServers);
  /** Asked for already: a slow name is one question, however long it takes. */
  const open = new Map<string, Promise<readonly Address[]>>();
  const cache = new LRUCache<string, Promise<readonly Address[]>>({
    max: CACHED_NAMES,
    ttl: CACHED_MS,
  });

  function addressesOf(hostname: string): Promise<readonly Address[]> {
    const known = cache.get(hostname) ?? open.get(hostname);
    if (known !== undefined) return known;
    // This machine, whatever anybody says (RFC 6761): nobody is asked, so that nothing is waited for.
    const isLocal = allowPrivateTargets && /^(.+\.)?localhost$/.test(hostname);
    const fresh = isLocal ? Promise.resolve(LOCALHOST) : names.addressesOf(hostname);
    open.set(hostname, fresh);
    // What fails for want of descriptors may be there a moment later.
    fresh
      .then(
        () => void cache.set(hostname, fresh),
        () => {},
      )
      .finally(() => open.delete(hostname));
    return fresh;
  }

  async function resolve(to: Connection): Promise<readonly Address[]> {
    const family = isIP(to.hostname) as 0 | Address['family'];
    const found =
      family === 0 ? await addressesOf(to.hostname) : [{ address: to.hostname, family }];
    // All of them, also those that would never be tried: one is enough to show where it leads.
    if (!found.every(({ address }) => mayBeCalled(address, to, options))) {
      throw new DestinationError('blocked_target');
    }
    if (found.length === 0) throw new DestinationError('dns_error');
    return found.slice(0, MOST_ADDRESSES);
  }

  // Made once: otherwise every connection would parse the authorities again.
  const secureContext = createSecureContext(options.ca === undefined ? {} : { ca: options.ca });
  /** One for each scheme and port, because a lookup is not told what it is for. */
  const connectors = new LRUCache<string, buildConnector.connector>({ max: MOST_CONNECTORS });

  function connectorTo({ protocol, port }: Connection): buildConnector.connector {
    const name = `${protocol}${port}`;
    const known = connectors.get(name);
    if (known !== undefined) return known;
    const connector = connectorFor((hostname) => resolve({ hostname, protocol, port }));
    connectors.set(name, connector);
    return connector;
  }

  const connectorFor = (resolveName: (hostname: string) => Promise<readonly Address[]>) =>
    buildConnector({
      // No timeout of its own: whoever connects has a deadline and destroys the socket.
      timeout: 0,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER_MS,
      maxCachedSessions: CACHED_TLS_SESSIONS,
      secureContext,
      // autoSelectFamily makes Node ask for all addresses.
      lookup: (hostname, _all, done) => {
        resolveName(hostname).then(
          (addresses) => done(null, [...addresses]),
          (error: Error) => done(error, []),
        );
      },
    });

  return {
    resolve,
    async checkReachable(url) {
      try {
        await resolve(connectionOf(url));
        return true;
      } catch (error) {
        if (!(error instanceof DestinationError)) throw error;
        return error.outcome !== 'blocked_target';
      }
    },
    connect(target, done) {
      const to = connectionOf(target);
      // Node calls no lookup for a literal.
      if (isIP(to.hostname) !== 0 && !mayBeCalled(to.hostname, to, options)) {
        process.nextTick(done, new DestinationError('blocked_target'), null);
        return null;
      }
      // Typed as void, but returned by every version of undici 7: a test holds it to that.
      return connectorTo(to)(target, done) as unknown as Socket;
    },
    close: () => names.close(),
  };
}

const LOCALHOST: readonly Address[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];
