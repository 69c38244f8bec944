import { isIP } from 'node:net';
import { isHostname, isInNetwork, type Network, parseNetwork } from './addresses.ts';

/** Addresses as an operator lists them: what may be called, or what may not. */
export interface TargetList {
  /** Whether a URL may be called as far as it shows: its name or literal is listed, or its name may lead into a listed network. */
  mayCall(url: URL): boolean;
  /** Whether an address that a name has led to may be called, or a literal. */
  mayConnect(address: string, to: Connection): boolean;
}

/** What is about to be connected to. */
export interface Connection {
  /** As URL has it: lower case, without brackets. */
  hostname: string;
  protocol: 'http:' | 'https:';
  port: number;
}

interface Entry {
  /** null: either. */
  protocol: 'http:' | 'https:' | null;
  /** null: every port. */
  port: number | null;
  host: { network: Network } | { name: string } | { suffix: string };
}

const PORT = /:(\d{1,5})$/;

/**
 * Reads a list such as `10.0.0.0/8, *.svc.cluster.local:8080, http://stock.internal`: networks, addresses, names, and
 * with `*.` all names that end so. Without a port every port is meant, without `http://` only https.
 *
 * @throws Error that names the entry that is wrong
 */
export function parseTargetList(text: string): TargetList {
  return toList(parseEntries(text, 'https:'));
}

/**
 * The same for what may not be called: without a scheme both are meant.
 *
 * @throws Error that names the entry that is wrong
 */
export function parseDeniedTargets(text: string): TargetList {
  return toList(parseEntries(text, null));
}

function parseEntries(text: string, otherwise: Entry['protocol']): Entry[] {
  return text
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== '')
    .map((part) => parseEntry(part, otherwise));
}

function toList(entries: readonly Entry[]): TargetList {
  return {
    mayCall(url) {
      const to = connectionOf(url);
      return entries.some((entry) => fits(entry, to) && mayLead(entry, to.hostname));
    },
    mayConnect: (address, to) =>
      entries.some((entry) => fits(entry, to) && covers(entry, address, to.hostname)),
  };
}

/** @param url one that was parsed, or what undici makes of it */
export function connectionOf(url: Pick<URL, 'hostname' | 'protocol' | 'port'>): Connection {
  const protocol = url.protocol === 'http:' ? 'http:' : 'https:';
  const port = url.port === '' ? (protocol === 'http:' ? 80 : 443) : Number(url.port);
  return { hostname: url.hostname.replace(/^\[|\]$/g, ''), protocol, port };
}

function parseEntry(part: string, otherwise: Entry['protocol']): Entry {
  const [, scheme, rest = ''] = /^(?:(https?):\/\/)?(.+)$/.exec(part) ?? [];
  const protocol = scheme === undefined ? otherwise : scheme === 'http' ? 'http:' : 'https:';
  const whole = hostOf(rest);
  // Of an IPv6 address without brackets all that follows a colon belongs to it.
  if (whole !== null) return { protocol, port: null, host: whole };
  const [, digits] = PORT.exec(rest) ?? [];
  const host = hostOf(rest.replace(PORT, '').replace(/^\[(.+)\]$/, '$1'));
  const port = Number(digits);
  if (host === null || digits === undefined || port === 0 || port > 65_535) {
    throw new Error(`"${part}" is no network, address or name, with a port or without.`);
  }
  return { protocol, port, host };
}

function hostOf(text: string): Entry['host'] | null {
  const network = parseNetwork(text);
  if (network !== null) return { network };
  if (text.startsWith('*.') && isHostname(text.slice(2))) return { suffix: text.slice(1) };
  // What looks like an address and is none was meant as one.
  return isHostname(text) && !/^[\d.]+$/.test(text) ? { name: text } : null;
}

function fits({ protocol, port }: Entry, to: Connection): boolean {
  return (protocol === null || protocol === to.protocol) && (port === null || port === to.port);
}

function mayLead({ host }: Entry, hostname: string): boolean {
  if (!('network' in host)) return isNamed(host, hostname);
  return isIP(hostname) === 0 || isInNetwork(hostname, host.network);
}

function covers({ host }: Entry, address: string, hostname: string): boolean {
  return 'network' in host ? isInNetwork(address, host.network) : isNamed(host, hostname);
}

function isNamed(host: { name: string } | { suffix: string }, hostname: string): boolean {
  return 'name' in host ? hostname === host.name : hostname.endsWith(host.suffix);
}
