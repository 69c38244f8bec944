import { lookup, Resolver } from 'node:dns/promises';
import { isOurFault } from './our-fault.ts';

export interface Address {
  address: string;
  family: 4 | 6;
}

/** One way to find out where a name leads. */
export interface Names {
  /** All addresses of a name, both families in turn; none: it has none, or nobody could say so in time. */
  addressesOf(hostname: string): Promise<Address[]>;
  /** Gives up the questions that are still open. */
  close(): void;
}

/** For the first try of one query; c-ares chooses the next one's by what it knows of the server. */
const DNS_TIMEOUT_MS = 1500;
const DNS_TRIES = 2;

/**
 * DNS alone, asked by ourselves: no hosts file, no search domains. A name means the same on every machine,
 * each question has its time, and any number of them may be open.
 *
 * @param servers `ip:port`; the system's when absent
 */
export function dnsNames(servers?: readonly string[]): Names {
  const resolver = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: DNS_TRIES });
  if (servers !== undefined) resolver.setServers(servers);
  return {
    async addressesOf(hostname) {
      const [v4, v6] = await Promise.all([
        resolver.resolve4(hostname).catch(() => []),
        resolver.resolve6(hostname).catch(() => []),
      ]);
      return interleave(v4, v6);
    },
    close: () => resolver.cancel(),
  };
}

/**
 * As every other program of this machine finds them: the hosts file, search domains, mDNS, whatever the
 * system has been told.
 */
export function systemNames(): Names {
  let isClosed = false;
  return {
    async addressesOf(hostname) {
      if (!(await takeTurn())) return [];
      try {
        if (isClosed) return [];
        const found = await lookup(hostname, { all: true, order: 'verbatim' });
        const ofFamily = (wanted: number) =>
          found.filter(({ family }) => family === wanted).map(({ address }) => address);
        return interleave(ofFamily(4), ofFamily(6));
      } catch (error) {
        // ENOTFOUND, EAI_AGAIN and their like: there is no address.
        if (error instanceof Error && isOurFault(error)) throw error;
        return [];
      } finally {
        endTurn();
      }
    },
    // What the system has been asked already nobody can call back: a process that ends waits for it.
    close() {
      isClosed = true;
    },
  };
}

/**
 * The system's lookup blocks a thread until it has an answer, with broken DNS for ten seconds and more, and
 * there are four of them in a process, which also read files, compress and encrypt. So it gets two at most,
 * whoever asks. Node's libuv would let it have no more either, but lets all others wait without end; here
 * they wait for so long, and the attempt that asked for no longer than its own deadline.
 */
const MOST_LOOKUPS = 2;
const LONGEST_WAIT_MS = 5000;
let lookups = 0;
/** In the order in which they came. */
const waiting = new Set<() => void>();

/** @returns false: it did not come in time */
function takeTurn(): Promise<boolean> {
  if (lookups < MOST_LOOKUPS) {
    lookups += 1;
    return Promise.resolve(true);
  }
  return new Promise((resolve) => {
    const settle = (isOurs: boolean) => {
      clearTimeout(timer);
      waiting.delete(begin);
      resolve(isOurs);
    };
    const begin = () => settle(true);
    const timer = setTimeout(settle, LONGEST_WAIT_MS, false);
    waiting.add(begin);
  });
}

/** The next one has the place, or it is free. */
function endTurn(): void {
  const [next] = waiting;
  if (next === undefined) lookups -= 1;
  else next();
}

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
