import fc from 'fast-check';
import type { Operation } from './document.ts';
import { type Aim, valid } from './shots.ts';

/** Marks what was sent by a client that may hang up before it has its answer. */
export const WIRE = 'WIRE';

/** Notifications as JSON of ASCII alone, so that characters and bytes are the same. */
function intakeText(aim: Aim): fc.Arbitrary<string> {
  const isIntake = ({ name }: Operation) => name === 'post /v1/notifications';
  const intake = aim.document.operations.find(isIntake) as Operation;
  return valid(aim, intake).map((value) =>
    JSON.stringify({ ...(value as object), businessKey: WIRE }).replace(
      /[^\x20-\x7e]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  );
}

const odd = fc.constantFrom('', ' ', '\t', '\0', '\xff\xfe', ':', '\r', '\n', '\x7f', '{}');
const requestLine = fc.oneof(
  { weight: 6, arbitrary: fc.constant('POST /v1/notifications HTTP/1.1') },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.constantFrom('POST', 'GET', 'PUT', 'TRACE', 'OPTIONS', 'CONNECT', 'PRI', 'post', ''),
        fc.constantFrom('/v1/notifications', '*', 'http://x/v1/queues', '//', '/%', '/v1/\xff'),
        fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9.9', 'HTTP', ''),
      )
      .map((parts) => parts.join(' ')),
  },
);
const header = fc.oneof(
  fc.constantFrom(
    'expect: 100-continue',
    'expect: a miracle',
    'upgrade: websocket\r\nconnection: upgrade',
    'connection: close, keep-alive',
    'transfer-encoding: gzip, chunked',
    'transfer-encoding: identity',
    'transfer-encoding:\x0bchunked',
    'content-length: 5',
    'content-length: -1',
    'content-length: 99999999999999999999',
    'content-length: +2',
    'content-length: 0x10',
    'host: y',
    ' folded: line',
    'x-request-id: \xe9\xff',
    'idempotency-key: \xe9',
    `x-long: ${'z'.repeat(20_000)}`,
    'authorization: Basic x',
  ),
  fc.tuple(odd, odd, fc.string({ maxLength: 10 })).map((parts) => parts.join('')),
);

/**
 * A request in its own bytes, each written as the character of that code, with faults where HTTP
 * itself has its joints.
 */
export function wireText(aim: Aim): fc.Arbitrary<string> {
  const chunk = fc.oneof(
    {
      weight: 3,
      arbitrary: intakeText(aim).map((text) => `${text.length.toString(16)}\r\n${text}\r\n`),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        'zz\r\n',
        '-1\r\n',
        'ffffffffffffffffff\r\n',
        '5\r\nabc\r\n',
        '1;ext="\r\n\r\n',
        `1;${'e'.repeat(20_000)}\r\na\r\n`,
        '0\r\nx: y\r\n',
        '2\r\n{}',
        '0\r\n\r\n',
        '\0\0\0',
      ),
    },
  );
  const body = fc.array(chunk, { maxLength: 3 }).map((chunks) => chunks.join(''));
  return fc
    .record({
      requestLine,
      host: fc.constantFrom('host: x', 'host: x', 'host: x', 'x-host: x', 'host:', 'host: \xff'),
      caller: fc.constantFrom(aim.keys.operator, aim.keys.producer, 'nobody'),
      headers: fc.array(header, { maxLength: 3 }),
      isChunked: fc.boolean(),
      body,
      end: fc.constantFrom('0\r\n\r\n', '0\r\n\r\n', '', 'GET / HTTP/1.1\r\n\r\n'),
      cutAt: fc.option(fc.nat(2000), { freq: 4 }),
    })
    .map(({ requestLine, host, caller, headers, isChunked, body, end, cutAt }) => {
      const head = [
        requestLine,
        host,
        `authorization: Bearer ${caller}`,
        'content-type: application/json',
        ...headers,
        ...(isChunked ? ['transfer-encoding: chunked'] : []),
      ];
      const text = `${head.join('\r\n')}\r\n\r\n${body}${end}`;
      return text.slice(0, cutAt ?? undefined);
    });
}
