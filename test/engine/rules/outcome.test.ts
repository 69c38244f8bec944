import { expect, test } from 'vitest';
import { judge } from '../../../src/engine/rules/outcome.ts';
import type { SuccessRule } from '../../../src/engine/rules/rules.ts';

const answer = (statusCode: number, body: string) =>
  ({
    kind: 'response',
    statusCode,
    body,
    retryAfterMs: null,
    cutOff: null,
    remoteAddress: null,
    durationMs: 1,
    heldMs: 1,
  }) as const;

const equals: SuccessRule = { body: { equals: 'success' } };
const code: SuccessRule = { body: { json: { path: 'data.code', equals: 'SUCCESS' } } };

test.each<[string, number, string, SuccessRule, string]>([
  ['any body of a 2xx', 204, '', { body: 'any' }, 'success'],
  ['no other status', 302, 'success', { body: 'any' }, 'http_status'],
  ['the word, whatever space is around it', 200, ' success\n', equals, 'success'],
  ['not another case', 200, 'SUCCESS', equals, 'body_mismatch'],
  ['not the word within others', 200, 'success!', equals, 'body_mismatch'],
  ['the right word with a wrong status', 500, 'success', equals, 'http_status'],
  ['a value in JSON', 200, '{"data":{"code":"SUCCESS"}}', code, 'success'],
  ['not another value', 200, '{"data":{"code":"FAIL"}}', code, 'body_mismatch'],
  ['not a path that is not there', 200, '{"data":null}', code, 'body_mismatch'],
  ['not what is no JSON', 200, 'SUCCESS', code, 'body_mismatch'],
  [
    'nothing inherited',
    200,
    '{}',
    { body: { json: { path: '__proto__.x', equals: null } } },
    'body_mismatch',
  ],
  [
    'numbers as numbers',
    200,
    '{"code":0}',
    { body: { json: { path: 'code', equals: 0 } } },
    'success',
  ],
])('success is: %s', (_, statusCode, body, rule, outcome) => {
  expect(judge(answer(statusCode, body), rule)).toBe(outcome);
});
