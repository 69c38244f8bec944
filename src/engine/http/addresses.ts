import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Parsed = ipaddr.IPv4 | ipaddr.IPv6;
type Range = [Parsed, number];

/** What the special-purpose registries of IANA keep from the public internet, and one of Azure's. */
const FORBIDDEN_V4 = ranges(
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32', // Azure's own services, in the middle of public space
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
);

/** IPv6 is the other way round: only global unicast, and of that not what is special in it. */
const GLOBAL_V6 = ranges('2000::/3');
const FORBIDDEN_V6 = ranges('2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20');

/** Forms of IPv6 that a gateway or the kernel turns into an IPv4 address: their last four bytes. */
const CARRIES_V4 = ranges('::ffff:0:0/96', '64:ff9b::/96');

/** Where clouds hand out credentials to whoever asks from inside. Every one of them is private too. */
const METADATA = ranges(
  '100.100.100.200/32',
  '168.63.129.16/32',
  '169.254.169.254/32',
  '169.254.170.2/32',
  'fd00:ec2::254/128',
);

const LONGEST_NAME = 253;
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
const PRIVATE_SUFFIXES = [
  'localhost',
  'localdomain',
  'local',
  'internal',
  'intranet',
  'private',
  'corp',
  'home',
  'lan',
  'home.arpa',
];

/** Whether text is an IP address that anybody may be asked to call. False for what is no address. */
export function isPublicAddress(text: string): boolean {
  const address = parse(text);
  if (address === null) return false;
  const inner = mappedV4(address) ?? address;
  if (inner.kind() === 'ipv4') return !isIn(FORBIDDEN_V4, inner);
  return isIn(GLOBAL_V6, inner) && !isIn(FORBIDDEN_V6, inner);
}

/** Whether text is a cloud's metadata service, which even development has no reason to call. */
export function isMetadataAddress(text: string): boolean {
  const address = parse(text);
  return address !== null && isIn(METADATA, carriedV4(address) ?? address);
}

/** Whether a name that URL has parsed is one that DNS could hold. */
export function isHostname(hostname: string): boolean {
  return hostname.length <= LONGEST_NAME && hostname.split('.').every((label) => LABEL.test(label));
}

/** Whether a name means something inside a network only: `printer`, `db.internal`. */
export function isPrivateName(hostname: string): boolean {
  return (
    !hostname.includes('.') || PRIVATE_SUFFIXES.some((suffix) => hostname.endsWith(`.${suffix}`))
  );
}

export type Network = Range;

/** A network as `10.0.0.0/8`, or one address. @returns null for anything else */
export function parseNetwork(text: string): Network | null {
  const [address = '', bits, ...rest] = text.split('/');
  const parsed = parse(address);
  if (parsed === null || rest.length > 0) return null;
  const most = parsed.kind() === 'ipv4' ? 32 : 128;
  if (bits === undefined) return [parsed, most];
  return /^\d{1,3}$/.test(bits) && Number(bits) <= most ? [parsed, Number(bits)] : null;
}

/** Whether an IP address is in it; one that is mapped into IPv6 counts as what it stands for. */
export function isInNetwork(text: string, network: Network): boolean {
  const address = parse(text);
  return address !== null && isIn([network], mappedV4(address) ?? address);
}

/** Whether a network is a part of another, or the same. */
export function isWithin([address, bits]: Network, outer: Network): boolean {
  return bits >= outer[1] && isIn([outer], address);
}

/**
 * Reads a list such as `10.0.0.0/8, 127.0.0.1`: the proxies in front.
 *
 * @returns whether an address is one of them
 * @throws Error that names the entry that is wrong
 */
export function parseProxies(text: string): (address: string) => boolean {
  const entries = text.split(',').map((part) => part.trim());
  const networks = entries.map((entry) => {
    const network = parseNetwork(entry);
    // Who trusts everybody lets every caller choose the address it is counted under.
    if (network === null || network[1] === 0) {
      throw new Error(`"${entry}" is no address, or network of proxies such as 10.0.0.0/8.`);
    }
    return network;
  });
  return (address) => networks.some((network) => isInNetwork(address, network));
}

/** A URL as logs may keep it: what comes after `?` may be a password. */
export function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/, '?…');
}

/** `isIP` comes first because ipaddr.js also reads octal, hex and short forms. Nor do zones (`%eth0`) belong. */
function parse(text: string): Parsed | null {
  return isIP(text) === 0 || text.includes('%') ? null : ipaddr.parse(text);
}

function mappedV4(address: Parsed): ipaddr.IPv4 | null {
  if (!('isIPv4MappedAddress' in address) || !address.isIPv4MappedAddress()) return null;
  return address.toIPv4Address();
}

function carriedV4(address: Parsed): ipaddr.IPv4 | null {
  if (!isIn(CARRIES_V4, address)) return null;
  return new ipaddr.IPv4(address.toByteArray().slice(-4));
}

function isIn(list: readonly Range[], address: Parsed): boolean {
  return list.some(([net, bits]) => net.kind() === address.kind() && address.match(net, bits));
}

function ranges(...cidrs: string[]): readonly Range[] {
  return cidrs.map((cidr) => ipaddr.parseCIDR(cidr));
}
