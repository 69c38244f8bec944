import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** A forward proxy on loopback that speaks CONNECT, as companies have one at the way out. */
export interface ForwardProxy {
  readonly url: string;
  /** What it was asked to connect to, `address:port`, in that order. */
  readonly asked: readonly string[];
  readonly open: number;
  /** Answers this instead of connecting; `silence`: nothing, ever; null: connects again. */
  answer(answer: number | 'silence' | null): void;
  close(): Promise<void>;
}

/** @param options.credentials `user:password` that it wants */
export async function startForwardProxy(
  options: { credentials?: string; port?: number } = {},
): Promise<ForwardProxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  let program: number | 'silence' | null = null;
  const wanted =
    options.credentials && `Basic ${Buffer.from(options.credentials).toString('base64')}`;
  const server = createServer();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  server.on('connect', (request, inner: Socket) => {
    const refuse = (status: number) => inner.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    if (wanted !== undefined && request.headers['proxy-authorization'] !== wanted) {
      return refuse(407);
    }
    asked.push(request.url ?? '');
    // Read, so that the other end's good-bye is heard.
    if (program === 'silence') return void inner.on('end', () => inner.end()).resume();
    if (program !== null) return refuse(program);
    const { hostname, port } = new URL(`http://${request.url}`);
    const outer = connect(Number(port || 80), hostname.replace(/^\[|\]$/g, ''));
    outer.on('connect', () => {
      inner.write('HTTP/1.1 200 Connected\r\n\r\n');
      inner.pipe(outer);
      outer.pipe(inner);
    });
    outer.on('error', () => refuse(502));
    inner.on('close', () => outer.destroy());
    outer.on('close', () => inner.destroy());
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.credentials ? `${options.credentials}@` : ''}127.0.0.1:${port}`,
    asked,
    get open() {
      return sockets.size;
    },
    answer(answer) {
      program = answer;
    },
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
