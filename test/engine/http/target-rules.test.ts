import { describe, expect, test } from 'vitest';
import { checkUrl } from '../../../src/engine/http/destination.ts';
import {
  connectionOf,
  parseDeniedTargets,
  parseTargetList,
} from '../../../src/engine/http/target-list.ts';
import { mayBeCalled, targetRules } from '../../../src/engine/http/target-rules.ts';

const INTERFACE = { netmask: '', mac: '', internal: false, cidr: null } as const;
const INTERFACES = {
  eth0: [
    { ...INTERFACE, family: 'IPv4', address: '93.184.216.34' },
    { ...INTERFACE, family: 'IPv6', address: '2606:4700::1111', scopeid: 0 },
    { ...INTERFACE, family: 'IPv4', address: '10.0.0.7' },
  ],
} satisfies Parameters<typeof targetRules>[1];

const to = (url: string) => connectionOf(new URL(url));
const PUBLIC = { allowPrivateTargets: false };

describe('what is denied is refused, whatever else is said of it', () => {
  const { merchants, producers } = targetRules({
    ...PUBLIC,
    producerTargets: parseTargetList('10.0.0.0/8'),
    deniedTargets: parseDeniedTargets('*.rival.example, 10.9.0.0/16, 93.184.216.0/24:8443'),
  });

  test.each([
    ['https://hooks.rival.example/'],
    ['https://HOOKS.RIVAL.EXAMPLE:8443/'],
    ['https://93.184.216.34:8443/'],
  ])('%s, when it is registered', (url) => {
    expect(checkUrl(url, merchants).ok).toBe(false);
    expect(checkUrl(url, producers).ok).toBe(false);
  });

  test('a name that leads into a denied network', () => {
    const shop = to('https://shop.example:8443/');
    expect(mayBeCalled('93.184.216.34', shop, merchants)).toBe(false);
    expect(mayBeCalled('93.184.216.34', to('https://shop.example/'), merchants)).toBe(true);
    expect(mayBeCalled('93.184.217.34', shop, merchants)).toBe(true);
  });

  test('a part of what producers may call', () => {
    expect(mayBeCalled('10.8.0.1', to('https://stock.internal/'), producers)).toBe(true);
    expect(mayBeCalled('10.9.0.1', to('https://stock.internal/'), producers)).toBe(false);
  });

  test('over plain http as well, where that is called', () => {
    const rules = { allowPrivateTargets: true, denied: [parseDeniedTargets('127.0.0.2')] };
    expect(checkUrl('http://127.0.0.2:9000/', rules).ok).toBe(false);
    expect(checkUrl('http://127.0.0.3:9000/', rules).ok).toBe(true);
  });
});

describe('where merchants’ targets are listed, nothing else is called', () => {
  const { merchants, producers } = targetRules({
    ...PUBLIC,
    merchantTargets: parseTargetList('*.partner.example, 93.184.216.0/24, 10.0.0.0/8'),
  });

  test.each([
    ['https://hooks.partner.example/', true],
    ['https://partner.example.evil.example/', true],
    ['https://93.184.216.34/', true],
    ['https://8.8.8.8/', false],
    ['https://10.0.0.1/', false],
  ])('%s may be registered: %s', (url, isFine) => {
    // A name may lead into a listed network: that is seen when it is called.
    expect(checkUrl(url, merchants).ok).toBe(isFine);
  });

  test('a name elsewhere must lead into a listed network, and a listed name to a public address', () => {
    expect(mayBeCalled('93.184.216.34', to('https://shop.example/'), merchants)).toBe(true);
    expect(mayBeCalled('8.8.8.8', to('https://shop.example/'), merchants)).toBe(false);
    expect(mayBeCalled('8.8.8.8', to('https://hooks.partner.example/'), merchants)).toBe(true);
    expect(mayBeCalled('10.0.0.1', to('https://hooks.partner.example/'), merchants)).toBe(false);
  });

  test('producers’ addresses are not meant', () => {
    expect(checkUrl('https://8.8.8.8/', producers).ok).toBe(true);
  });
});

test('this machine’s own public addresses are no merchant’s', () => {
  const { merchants } = targetRules(PUBLIC, INTERFACES);
  for (const url of ['https://93.184.216.34/', 'https://[2606:4700::1111]/']) {
    expect(checkUrl(url, merchants).ok).toBe(false);
  }
  expect(mayBeCalled('93.184.216.34', to('https://gateway.example/'), merchants)).toBe(false);
  expect(checkUrl('https://93.184.216.35/', merchants).ok).toBe(true);
});
