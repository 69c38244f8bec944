import type { Socket } from 'node:net';

/** An answer as some server sends it, and what a client is to make of it. */
export interface OddAnswer {
  name: string;
  /** What is written once the request has come. @param body what the answer is to say, where it can */
  bytes(body: string): string;
  /** Whether the server hangs up behind it. */
  ends: boolean;
  statusCode: number;
  /** Its end is only seen when the time is up. */
  waits?: true;
}

const ok = (body: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
const whole = { ends: false, statusCode: 200 };

/** All of them are answers: none may cost a receiver a second attempt. */
export const ODD_ANSWERS: readonly OddAnswer[] = [
  {
    name: 'a 100 Continue that nobody asked for',
    bytes: (body) => `HTTP/1.1 100 Continue\r\n\r\n${ok(body)}`,
    ...whole,
  },
  {
    name: 'hints and a 100 Continue among them',
    bytes: (body) =>
      `HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${ok(body)}`,
    ...whole,
  },
  {
    name: 'a 204 whose Content-Length says otherwise',
    bytes: () => 'HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n',
    ends: false,
    statusCode: 204,
  },
  {
    name: 'a 200 without length on a connection that stays open',
    bytes: (body) => `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n${body}`,
    ...whole,
    waits: true,
  },
  {
    name: 'a field that goes on in the next line',
    bytes: (body) => ok(body).replace('content', 'x-note: first\r\n second\r\n\tthird\r\ncontent'),
    ...whole,
  },
  {
    name: 'the same Content-Length twice',
    bytes: (body) => ok(body).replace('content', `Content-Length: ${body.length}\r\ncontent`),
    ...whole,
  },
  {
    name: 'a Content-Length that is a list of equals',
    bytes: (body) => ok(body).replace('length: ', `length: ${body.length}, `),
    ...whole,
  },
  {
    name: 'an answer in HTTP/1.0 that ends with the connection',
    bytes: (body) => `HTTP/1.0 200 OK\r\n\r\n${body}`,
    ...whole,
    ends: true,
  },
  {
    name: 'an answer without a reason',
    bytes: (body) => ok(body).replace(' OK', ''),
    ...whole,
  },
];

/** Says it byte for byte, to whatever was asked. */
export function sayOddly({ bytes, ends }: OddAnswer, body: string): (socket: Socket) => void {
  return (socket) => {
    socket.write(bytes(body));
    if (ends) socket.end();
  };
}
