import { expect, test } from 'vitest';
import { hearTheSame } from '../../../src/features/accounts/signing/overlap.ts';

test.each([
  [['*'], ['payment.succeeded'], true],
  [['payment.*'], ['payment.succeeded'], true],
  [['payment.*'], ['pay*'], true],
  [['payment.succeeded'], ['payment.succeeded'], true],
  [['payment.succeeded'], ['payment.refunded'], false],
  [['payment.*'], ['refund.*'], false],
  [['payment.*'], ['payment'], false],
  [['a', 'b'], ['c', 'b'], true],
  [[], ['a'], true],
])('%j and %j hear the same: %s', (one, other, same) => {
  expect(hearTheSame(one, other)).toBe(same);
  expect(hearTheSame(other, one)).toBe(same);
});
