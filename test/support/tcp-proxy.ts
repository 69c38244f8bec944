import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A proxy in front of a server on loopback whose connections can go silent, as behind a firewall that forgot them. */
export interface TcpProxy {
  readonly port: number;
  /** Connections that are open now. */
  readonly open: number;
  /** Those that are open say nothing any more, and nobody is told; new ones work. */
  silence(): void;
  /** New ones say nothing either, until `resume`. */
  silenceAll(): void;
  resume(): void;
  /** New connections lead there, as when a name has moved on. */
  lead(target: { host: string; port: number }): void;
  close(): Promise<void>;
}

export async function startTcpProxy(first: { host: string; port: number }): Promise<TcpProxy> {
  let target = first;
  const pairs = new Set<[Socket, Socket]>();
  let isSilent = false;
  const server = createServer((inner) => {
    const outer = connect(target.port, target.host);
    const pair: [Socket, Socket] = [inner, outer];
    pairs.add(pair);
    for (const [one, other] of [pair, [outer, inner] as const]) {
      one.on('error', () => other.destroy());
      one.on('close', () => {
        pairs.delete(pair);
        // One that went silent does not tell the other end that it is gone.
        if (!silent.has(pair)) other.destroy();
      });
    }
    if (isSilent) hush(pair);
    else {
      inner.pipe(outer);
      outer.pipe(inner);
    }
  });
  const silent = new WeakSet<[Socket, Socket]>();

  function hush(pair: [Socket, Socket]): void {
    silent.add(pair);
    for (const socket of pair) {
      socket.unpipe();
      // What still comes is taken and lost.
      socket.on('data', () => {});
      socket.resume();
    }
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get open() {
      return pairs.size;
    },
    silence() {
      for (const pair of pairs) hush(pair);
    },
    silenceAll() {
      isSilent = true;
      for (const pair of pairs) hush(pair);
    },
    resume() {
      isSilent = false;
    },
    lead(other) {
      target = other;
    },
    async close() {
      server.close();
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** The same url, by way of the proxy. */
export function through({ port }: Pick<TcpProxy, 'port'>, url: string): string {
  const proxied = new URL(url);
  proxied.hostname = '127.0.0.1';
  proxied.port = String(port);
  return proxied.href;
}
