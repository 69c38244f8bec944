import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

test('the shop’s books add up after the happy way, a failing try, a killed coordinator, an empty rollback, a hanging try and a dead producer', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/shop/main.ts'], {
    env: { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [said, complaints, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  expect({ code, complaints }).toEqual({ code: 0, complaints: '' });
  const stock = [...said.matchAll(/(\w+) +(stock .*? = 100)/g)].map(
    ([, when, it]) => `${when} ${it}`,
  );
  expect(stock).toEqual([
    'before stock 100 + 0 frozen + 0 sold = 100',
    'tried stock 95 + 5 frozen + 0 sold = 100',
    'after stock 95 + 0 frozen + 5 sold = 100',
    'before stock 95 + 0 frozen + 5 sold = 100',
    'after stock 95 + 0 frozen + 5 sold = 100',
    'before stock 95 + 0 frozen + 5 sold = 100',
    'decided stock 90 + 5 frozen + 5 sold = 100',
    'dead stock 90 + 5 frozen + 5 sold = 100',
    'after stock 90 + 0 frozen + 10 sold = 100',
    'before stock 90 + 0 frozen + 10 sold = 100',
    'after stock 90 + 0 frozen + 10 sold = 100',
    'before stock 90 + 0 frozen + 10 sold = 100',
    'after stock 90 + 0 frozen + 10 sold = 100',
  ]);
  expect(said).toMatch(/tried .*points 0 \+ 10 added ahead +orders 1 DEALING/);
  expect(said).toContain('try 409, refused by the fence');
  expect(said).toMatch(
    /no confirm was sent[\s\S]*check-back 1: committed[\s\S]*completed\n.*bonus points 7/,
  );
}, 130_000);
