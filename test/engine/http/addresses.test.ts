import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMetadataAddress, isPublicAddress } from '../../../src/engine/http/addresses.ts';
import { checkUrl } from '../../../src/engine/http/destination.ts';

/** Every forbidden range: its CIDR, first and last address, and something in between. */
const FORBIDDEN = [
  ['0.0.0.0/8', '0.0.0.0', '0.255.255.255', '0.1.2.3'],
  ['10.0.0.0/8', '10.0.0.0', '10.255.255.255', '10.20.30.40'],
  ['100.64.0.0/10', '100.64.0.0', '100.127.255.255', '100.100.100.200'],
  ['127.0.0.0/8', '127.0.0.0', '127.255.255.255', '127.0.0.1'],
  ['168.63.129.16/32', '168.63.129.16', '168.63.129.16', '168.63.129.16'],
  ['169.254.0.0/16', '169.254.0.0', '169.254.255.255', '169.254.169.254'],
  ['172.16.0.0/12', '172.16.0.0', '172.31.255.255', '172.20.0.1'],
  ['192.0.0.0/24', '192.0.0.0', '192.0.0.255', '192.0.0.171'],
  ['192.0.2.0/24', '192.0.2.0', '192.0.2.255', '192.0.2.1'],
  ['192.88.99.0/24', '192.88.99.0', '192.88.99.255', '192.88.99.1'],
  ['192.168.0.0/16', '192.168.0.0', '192.168.255.255', '192.168.1.1'],
  ['198.18.0.0/15', '198.18.0.0', '198.19.255.255', '198.18.200.1'],
  ['198.51.100.0/24', '198.51.100.0', '198.51.100.255', '198.51.100.7'],
  ['203.0.113.0/24', '203.0.113.0', '203.0.113.255', '203.0.113.5'],
  ['224.0.0.0/3', '224.0.0.0', '255.255.255.255', '239.1.2.3'],
  ['2001::/23', '2001::', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff', '2001:0:4136:e378::1'],
  ['2001:db8::/32', '2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db8:1::1'],
  ['2002::/16', '2002::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2002:7f00:1::1'],
  ['3fff::/20', '3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff', '3fff:abc::1'],
  ['below 2000::/3', '::', '1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '::1'],
  ['above 2000::/3', '4000::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fe80::1'],
  ['fc00::/7', 'fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fd00:ec2::254'],
  ['64:ff9b::/96', '64:ff9b::', '64:ff9b::ffff:ffff', '64:ff9b::808:808'],
  ['64:ff9b:1::/48', '64:ff9b:1::', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff', '64:ff9b:1::a00:1'],
  ['IPv4-mapped loopback', '::ffff:7f00:0', '::ffff:127.255.255.255', '::ffff:127.0.0.1'],
  ['IPv4-mapped private', '::ffff:10.0.0.0', '::ffff:aff:ffff', '::FFFF:0a01:0203'],
  ['IPv4-compatible', '::7f00:0', '::7fff:ffff', '::7f00:1'],
] as const;

/** The neighbours of the ranges, and addresses that everybody calls. */
const PUBLIC = [
  ...['1.0.0.0', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0'],
  ...['126.255.255.255', '128.0.0.0', '168.63.129.15', '168.63.129.17', '169.253.255.255'],
  ...['169.255.0.0', '172.15.255.255', '172.32.0.0', '191.255.255.255', '192.0.1.0', '192.0.3.0'],
  ...['192.88.98.255', '192.88.100.0', '192.167.255.255', '192.169.0.0', '198.17.255.255'],
  ...['198.20.0.0', '198.51.99.255', '198.51.101.0', '203.0.112.255', '203.0.114.0'],
  ...['223.255.255.255', '2000::', '2000:ffff::1', '2001:200::', '2001:4860:4860::8888'],
  ...['2001:db7:ffff::1', '2001:db9::', '2001:ffff::1', '2003::', '2606:4700::1111', '3ffe::1'],
  ...['3fff:1000::', '::ffff:8.8.8.8', '::ffff:101:101'],
];

const NO_ADDRESS = [
  '',
  'localhost',
  '127.1',
  '0177.0.0.1',
  '2130706433',
  '0x7f.0.0.1',
  '1.2.3.4.5',
];

describe('which addresses may be called', () => {
  it.each(FORBIDDEN)('none of %s', (_range, ...addresses) => {
    for (const address of addresses)
      expect([address, isPublicAddress(address)]).toEqual([address, false]);
  });

  it.each(PUBLIC)('%s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([...NO_ADDRESS, 'fe80::1%eth0', '2606:4700::1111%eth0', '8.8.8.8 ', '[2606::1]'])(
    'not %j, which is no address by itself',
    (text) => {
      expect(isPublicAddress(text)).toBe(false);
    },
  );

  it('agrees with plain arithmetic over all of IPv4', () => {
    fc.assert(
      fc.property(anyV4, (address) => {
        const forbidden = V4_RANGES.some(([cidr]) => isWithin(address, cidr));
        expect(isPublicAddress(dotted(address))).toBe(!forbidden);
      }),
      { numRuns: 2000 },
    );
  });

  it('finds cloud metadata in every disguise', () => {
    const disguises = ['169.254.169.254', '::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe'];
    for (const address of [...disguises, '168.63.129.16', '100.100.100.200', 'fd00:ec2::254']) {
      expect([address, isMetadataAddress(address)]).toEqual([address, true]);
    }
    for (const address of ['169.254.169.253', '127.0.0.1', '::1', '10.0.0.1', 'metadata']) {
      expect([address, isMetadataAddress(address)]).toEqual([address, false]);
    }
  });
});

describe('a URL with a forbidden address is refused', () => {
  it('however the IPv4 address is spelled', () => {
    fc.assert(
      fc.property(forbiddenV4, fc.constantFrom(...SPELLINGS_V4), (address, spell) => {
        const url = `https://${spell(address)}/hook`;
        expect([url, checkUrl(url, { allowPrivateTargets: false }).ok]).toEqual([url, false]);
      }),
      { numRuns: 3000 },
    );
  });

  it('however the IPv6 address is spelled', () => {
    fc.assert(
      fc.property(forbiddenV6, fc.constantFrom(...SPELLINGS_V6), (groups, spell) => {
        const url = `https://[${spell(groups)}]/hook`;
        expect([url, checkUrl(url, { allowPrivateTargets: false }).ok]).toEqual([url, false]);
      }),
      { numRuns: 3000 },
    );
  });

  it('while the public ones around it are accepted', () => {
    for (const address of PUBLIC) {
      const host = address.includes(':') ? `[${address}]` : address;
      expect([host, checkUrl(`https://${host}/`, { allowPrivateTargets: false }).ok]).toEqual([
        host,
        true,
      ]);
    }
  });
});

const V4_RANGES = FORBIDDEN.filter(([cidr]) => cidr.includes('.') && cidr.includes('/'));
const V6_RANGES = FORBIDDEN.filter(([cidr]) => cidr.includes(':') && cidr.includes('/'));

function numberOf(address: string): number {
  return address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

function isWithin(address: number, cidr: string): boolean {
  const [net = '', bits = ''] = cidr.split('/');
  const size = 2 ** (32 - Number(bits));
  return Math.floor(address / size) === Math.floor(numberOf(net) / size);
}

const anyV4 = fc.nat(0xffffffff);

const forbiddenV4 = fc
  .constantFrom(...V4_RANGES)
  .chain(([, first, last]) => fc.integer({ min: numberOf(first), max: numberOf(last) }));

const hex = (value: number, digits = 1) => value.toString(16).padStart(digits, '0');
const octal = (byte: number) => `0${byte.toString(8)}`;
const bytesOf = (address: number) => dotted(address).split('.').map(Number);
const wide = (text: string, zero: number) =>
  text.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)));

const SPELLINGS_V4: readonly ((address: number) => string)[] = [
  dotted,
  (address) => `${dotted(address)}.`,
  (address) => String(address),
  (address) => `0x${hex(address, 8)}`,
  (address) => `0X${hex(address).toUpperCase()}`,
  (address) => `0${address.toString(8)}`,
  (address) => bytesOf(address).map(octal).join('.'),
  (address) =>
    bytesOf(address)
      .map((byte) => `0x${hex(byte)}`)
      .join('.'),
  (address) => `${address >>> 24}.${address & 0xffffff}`,
  (address) => `${address >>> 24}.${(address >>> 16) & 255}.${address & 0xffff}`,
  (address) => wide(dotted(address), 0xff10), // fullwidth digits
  (address) => wide(dotted(address), 0x1d7ce), // bold mathematical digits
  (address) => dotted(address).replaceAll('.', '。'),
  (address) => dotted(address).replaceAll('.', '%2e'),
  (address) => `[::ffff:${dotted(address)}]`,
  (address) => `[0:0:0:0:0:FFFF:${hex(address >>> 16)}:${hex(address & 0xffff)}]`,
  (address) => `[64:ff9b::${dotted(address)}]`,
  (address) => `[64:ff9b:1::${dotted(address)}]`,
  (address) => `[2002:${hex(address >>> 16)}:${hex(address & 0xffff)}::1]`,
  (address) => `[::${dotted(address)}]`,
];

/** The eight groups of an address. */
function groupsOf(address: string): number[] {
  const [head = '', tail = ''] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
}

const forbiddenV6 = fc.constantFrom(...V6_RANGES).chain(([, first, last]) => {
  const [low, high] = [groupsOf(first), groupsOf(last)];
  return fc.tuple(...low.map((min, index) => fc.integer({ min, max: high[index] ?? min })));
});

const SPELLINGS_V6: readonly ((groups: number[]) => string)[] = [
  (groups) => groups.map((group) => hex(group)).join(':'),
  (groups) => groups.map((group) => hex(group, 4)).join(':'),
  (groups) => groups.map((group) => hex(group).toUpperCase()).join(':'),
  (groups) =>
    `${groups
      .slice(0, 6)
      .map((group) => hex(group))
      .join(':')}:${dotted((groups[6] ?? 0) * 65536 + (groups[7] ?? 0))}`,
];
