import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

/** What a hostile receiver does with a connection once a request has begun to come in. */
export type Misdeed = (socket: Socket) => void;

export interface Hostile {
  readonly port: number;
  /** Connections so far. */
  readonly connections: number;
  /** Requests so far, by their first lines. */
  readonly requestLines: readonly string[];
  close(): Promise<void>;
}

/** A raw TCP server on loopback that misbehaves in one way. With `tls` it does so behind a handshake. */
export async function startHostile(
  misdeed: Misdeed,
  tls?: { key: string; cert: string },
): Promise<Hostile> {
  const sockets = new Set<Socket>();
  const requestLines: string[] = [];
  let connections = 0;
  const accept = (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // Whoever is being attacked hangs up: that is what the tests are about.
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      const line = /^POST .*(?=\r\n)/.exec(chunk.toString('latin1'))?.[0];
      if (line === undefined) return;
      requestLines.push(line);
      misdeed(socket);
    });
  };
  const server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  if (tls !== undefined) server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    requestLines,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** Writes that text and leaves the connection open. */
export function say(text: string): Misdeed {
  return (socket) => void socket.write(text);
}

export const silence: Misdeed = () => {};

export const hangUp: Misdeed = (socket) => void socket.end();

export const reset: Misdeed = (socket) => void socket.resetAndDestroy();

/** First that text, then a TCP RST. */
export function sayAndReset(text: string): Misdeed {
  return (socket) => void socket.write(text, () => socket.resetAndDestroy());
}

/** First that text, then the same piece again and again, as quickly as it is taken, for ever. */
export function pour(text: string, piece: string): Misdeed {
  return (socket) => {
    const block = Buffer.from(piece.repeat(Math.ceil(4096 / piece.length)));
    const more = () => {
      while (!socket.destroyed && socket.write(block)) {}
    };
    socket.on('drain', more);
    socket.write(text);
    more();
  };
}

/** First that text, then a byte now and then, for ever. */
export function drip(text: string, byte: string, everyMs: number): Misdeed {
  return (socket) => {
    socket.write(text);
    const timer = setInterval(() => socket.write(byte), everyMs);
    socket.on('close', () => clearInterval(timer));
  };
}

/**
 * A throwaway key and certificate for `receiver.test`, signed by itself and good until 2070. It
 * protects nothing: making one needs openssl, which a bare machine may lack.
 */
export const RECEIVER_TEST_TLS = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg7GGADyULRhksgVCk
0yQfkVxro/vEgplqQ6V8eW8dHWKhRANCAAT5RCug4vPisFsts4U8Xb9pR6L/MdQl
+rjbC9nWg52FqSy1ywl3y2pR2PP0by7TL8xVoqb3vV8506qkNQFVT3Qv
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBbTCCAROgAwIBAgIBATAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1yZWNlaXZl
ci50ZXN0MCAXDTIwMDEwMTAwMDAwMFoYDzIwNzAwMTAxMDAwMDAwWjAYMRYwFAYD
VQQDDA1yZWNlaXZlci50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE+UQr
oOLz4rBbLbOFPF2/aUei/zHUJfq42wvZ1oOdhakstcsJd8tqUdjz9G8u0y/MVaKm
971fOdOqpDUBVU90L6NMMEowGAYDVR0RBBEwD4INcmVjZWl2ZXIudGVzdDAPBgNV
HRMBAf8EBTADAQH/MB0GA1UdDgQWBBRMyiUrrKnwPrcD99msA02V45uFUzAKBggq
hkjOPQQDAgNIADBFAiArQC/jmimiIMl1cE5Q4f+MCNKeGRTLjRRuubvzsTHcbgIh
APlxunBrIz1xXHeLZ21FfKo7YJTxtG+WYWrrYxxJMqZI
-----END CERTIFICATE-----`,
};
