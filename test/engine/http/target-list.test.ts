import { describe, expect, test } from 'vitest';
import { connectionOf, parseTargetList } from '../../../src/engine/http/target-list.ts';

const LIST =
  '10.0.0.0/8, *.svc.cluster.local:8080, http://stock.internal, [fd00::1]:9443, fd01::/16';

describe('a list of targets', () => {
  const list = parseTargetList(LIST);

  test.each([
    ['https://10.1.2.3/x', true],
    ['https://10.1.2.3:9999/x', true],
    ['http://10.1.2.3/x', false],
    ['https://11.1.2.3/x', false],
    ['https://orders.shop.svc.cluster.local:8080/', true],
    ['https://orders.shop.svc.cluster.local/', true],
    ['http://orders.shop.svc.cluster.local:8080/', false],
    ['http://stock.internal/', true],
    ['http://stock.internal:8080/', true],
    ['http://evil-stock.internal/', false],
    ['https://[fd00::1]:9443/', true],
    ['https://[fd00::1]/', false],
    ['https://[fd01::7]/', true],
  ])('lets %s be registered: %s', (url, may) => {
    expect(list.mayCall(new URL(url))).toBe(may);
  });

  test.each([
    // A name that leads into a listed network, and one that is listed itself.
    ['https://anything.example/', '10.9.9.9', true],
    ['https://anything.example/', '192.168.0.1', false],
    ['http://anything.example/', '10.9.9.9', false],
    ['https://a.svc.cluster.local:8080/', '192.168.0.1', true],
    ['https://a.svc.cluster.local:8081/', '192.168.0.1', false],
    ['http://stock.internal/', '127.0.0.1', true],
    ['http://stock.internal.evil.example/', '127.0.0.1', false],
  ])('connects for %s to %s: %s', (url, address, may) => {
    expect(list.mayConnect(address, connectionOf(new URL(url)))).toBe(may);
  });

  test('of nothing lets nothing through', () => {
    expect(parseTargetList('').mayCall(new URL('https://10.0.0.1/'))).toBe(false);
    expect(
      parseTargetList(' , ').mayConnect('10.0.0.1', connectionOf(new URL('https://a.b/'))),
    ).toBe(false);
  });

  test.each([
    '10.0.0.0/33',
    '10.0.0',
    'a b',
    '*.',
    '*',
    'http://',
    'stock.internal:0',
    'x:70000',
    'ftp://a.b',
  ])('is refused with the entry %j', (entry) => {
    expect(() => parseTargetList(`10.0.0.0/8,${entry}`)).toThrow('is no network, address or name');
  });
});
