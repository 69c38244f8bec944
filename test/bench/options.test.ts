import { expect, test } from 'vitest';
import { readOptions } from '../../bench/run/options.ts';

test('half load needs both at once measured first', () => {
  expect(readOptions(['--only', 'latency,intake']).only).toEqual(['intake', 'both', 'latency']);
});

test('lists are read, and what is not known is refused', () => {
  const { rows, backends, seconds } = readOptions([
    '--rows',
    '10_000,1000000',
    '--backend',
    'redis',
    '--seconds',
    '3',
  ]);
  expect({ rows, backends, seconds }).toEqual({
    rows: [10_000, 1_000_000],
    backends: ['redis'],
    seconds: 3,
  });
  expect(() => readOptions(['--only', 'speed'])).toThrow('there is no speed');
  expect(() => readOptions(['--seconds', '0'])).toThrow('--seconds');
});
