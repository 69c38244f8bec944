import { once } from 'node:events';
import { connect } from 'node:net';

/** One kept-alive HTTP/1.1 connection with one request under way at a time. */
export interface Wire {
  post(path: string, body: string, key?: string): Promise<WireAnswer>;
  close(): void;
}

export interface WireAnswer {
  status: number;
  body: string;
}

interface Waiting {
  resolve(answer: WireAnswer): void;
  reject(error: Error): void;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const NOTHING = Buffer.alloc(0);

/**
 * As little client as will do: whatever the generator spends is missing on the same cores for what
 * is measured, and a general HTTP client costs several times this. It understands answers with a
 * Content-Length, as all the servers here give, and refuses others.
 */
export async function openWire(origin: string): Promise<Wire> {
  const { hostname, port, host } = new URL(origin);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  let waiting: Waiting | null = null;
  let held: Buffer = NOTHING;

  const fail = (error: Error) => {
    waiting?.reject(error);
    waiting = null;
  };
  socket.on('error', fail);
  socket.on('close', () => fail(new Error(`${origin} closed the connection`)));
  socket.on('data', (chunk: Buffer) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const headEnd = held.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = held.toString('latin1', 0, headEnd);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) return fail(new Error(`an answer without a length: ${head}`));
    const bodyStart = headEnd + HEAD_END.length;
    const bodyEnd = bodyStart + Number(length);
    if (held.length < bodyEnd) return;
    const body = held.toString('utf8', bodyStart, bodyEnd);
    held = NOTHING;
    const asker = waiting;
    waiting = null;
    asker?.resolve({ status: Number(head.slice(9, 12)), body });
  });

  return {
    post(path, body, key) {
      const authorization = key === undefined ? '' : `authorization: Bearer ${key}\r\n`;
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(
          `POST ${path} HTTP/1.1\r\nhost: ${host}\r\n${authorization}` +
            `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
        );
      });
    },
    close() {
      waiting = null;
      socket.destroy();
    },
  };
}
