import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { buildConnector } from 'undici';
import type { Guard } from './destination.ts';
import type { Address } from './names.ts';
import { type Connection, connectionOf, type TargetList } from './target-list.ts';

/** Who dials hears of each socket at once, because only it knows when to give up. */
export interface Dialling {
  /** It cannot be written to yet. */
  opening(socket: Socket): void;
  /** The one that the answer will be read from. @param address where a proxy has connected to */
  reading(socket: Socket, address: string | null): void;
}

export type Connect = (
  target: buildConnector.Options,
  dialling: Dialling,
  done: buildConnector.Callback,
) => void;

/** Straight to the receiver. */
export function direct(guard: Guard): Connect {
  return (target, dialling, done) => {
    const socket = guard.connect(target, done);
    if (socket !== null) dialling.reading(socket, null);
  };
}

/**
 * Through a forward proxy, by CONNECT to an address that the guard has checked: the proxy is asked for no name, so it
 * cannot be led elsewhere, and it sees nothing but TLS. What is listed as inside is still connected to directly.
 *
 * undici's ProxyAgent was rejected: it lets the proxy resolve names, which the guard would never see.
 */
export function tunnelled(guard: Guard, proxy: { url: URL; inside: TargetList | null }): Connect {
  const straight = direct(guard);
  return (target, dialling, done) => {
    const to = connectionOf(target);
    guard
      .resolve(to)
      .then(async (addresses) => {
        if (addresses.every(({ address }) => proxy.inside?.mayConnect(address, to))) {
          return straight(target, dialling, done);
        }
        const { socket, address } = await openTunnel(proxy.url, addresses, to, dialling);
        if (to.protocol === 'http:') {
          dialling.reading(socket, address);
          return done(null, socket);
        }
        const secured = guard.connect({ ...target, httpSocket: socket }, done);
        if (secured !== null) dialling.reading(secured, address);
      })
      .catch((error) => done(error, null));
  };
}

/** One address after the other, as the attempt's deadline allows. */
async function openTunnel(
  proxy: URL,
  addresses: readonly Address[],
  to: Connection,
  dialling: Dialling,
): Promise<{ socket: Socket; address: string }> {
  let failure: unknown;
  for (const { address } of addresses) {
    try {
      return { socket: await askProxy(proxy, address, to.port, dialling), address };
    } catch (error) {
      if (error instanceof ProxyError) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** The proxy's own fault: it says nothing of the receiver, so the attempt does not count. */
class ProxyError extends Error {
  readonly code = 'EPROXY';
}

const WRONG_CREDENTIALS = 407;
const TIMED_OUT = 504;

function askProxy(proxy: URL, address: string, port: number, dialling: Dialling): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const authority = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    const send = proxy.protocol === 'https:' ? httpsRequest : httpRequest;
    const asked = send(proxy, {
      method: 'CONNECT',
      path: authority,
      agent: false,
      headers: { host: authority, ...credentialsOf(proxy) },
    });
    asked.on('socket', (socket) => dialling.opening(socket));
    asked.on('connect', ({ statusCode = 0 }, socket, head) => {
      if (statusCode >= 200 && statusCode <= 299) {
        if (head.length > 0) socket.unshift(head);
        (socket as Socket).setNoDelay(true);
        return resolve(socket as Socket);
      }
      socket.destroy();
      const message = `The proxy answered ${statusCode}.`;
      if (statusCode === WRONG_CREDENTIALS) return reject(new ProxyError(message));
      const code = statusCode === TIMED_OUT ? 'ETIMEDOUT' : 'ECONNREFUSED';
      reject(Object.assign(new Error(message), { code }));
    });
    asked.on('error', (cause) =>
      reject(new ProxyError('The proxy could not be reached.', { cause })),
    );
    asked.end();
  });
}

function credentialsOf({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}
