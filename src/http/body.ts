import type { IncomingMessage } from 'node:http';
import { Problem } from '../problem.ts';
import { parseJson } from './json.ts';

const KIB = 1024;
export const DEFAULT_BODY_LIMIT_BYTES = 64 * KIB;
const EMPTY = Buffer.alloc(0);

export interface Body {
  bytes: Buffer;
  /** Exactly what came, as text. */
  text: string;
  /** `undefined`: no body came. */
  value: unknown;
}

export const NO_BODY: Body = { bytes: EMPTY, text: '', value: undefined };

/**
 * Reads a JSON body. Its type matters only where there is one.
 *
 * @throws Problem 400, 413, 415, 422
 */
export async function readJsonBody(req: IncomingMessage, limitBytes: number): Promise<Body> {
  const bytes = await readBytes(req, limitBytes);
  if (bytes.length === 0) return NO_BODY;
  requireJson(req);
  return { bytes, ...parseJson(bytes) };
}

/**
 * Reads at most so many bytes. What exceeds them is discarded as it comes, not cut off with the
 * connection: a reset would often destroy the 413 before the caller has read it. The server's
 * request timeout ends those who never stop.
 */
function readBytes(req: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const declared = req.headers['content-length'];
  if (declared === undefined && req.headers['transfer-encoding'] === undefined) {
    return Promise.resolve(EMPTY);
  }
  if (Number(declared) > limitBytes) return Promise.reject(tooLarge(limitBytes));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const leave = () => {
      req.off('data', onData).off('end', onEnd).off('close', onClose);
    };
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limitBytes) {
        chunks.push(chunk);
        return;
      }
      leave();
      req.resume();
      reject(tooLarge(limitBytes));
    };
    const onEnd = () => {
      leave();
      const [only] = chunks;
      resolve(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, length));
    };
    const onClose = () => {
      leave();
      // Nobody is left to read it; it only ends the call.
      reject(new Problem(400, 'incomplete_body', 'The connection closed within the body.'));
    };
    req.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}

function tooLarge(limitBytes: number): Problem {
  return new Problem(413, 'payload_too_large', `The body may have ${limitBytes} bytes at most.`);
}

/** Compressed bodies are refused: a small one may stand for gigabytes. */
function requireJson(req: IncomingMessage): void {
  const encoding = req.headers['content-encoding'];
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity') {
    throw unsupported('The body must not be compressed (Content-Encoding).');
  }
  const type = req.headers['content-type'];
  if (type !== 'application/json' && !isJsonType(type ?? '')) {
    throw unsupported('The body must be application/json in UTF-8 (Content-Type).');
  }
}

/** `application/json` or `application/…+json`, with no charset or `utf-8`. */
function isJsonType(header: string): boolean {
  const [type = '', ...parameters] = header.toLowerCase().split(';');
  if (!/^application\/([a-z0-9!#$&^_.+-]+\+)?json$/.test(type.trim())) return false;
  return parameters.every((parameter) => {
    const [name = '', value = ''] = parameter.split('=');
    return name.trim() !== 'charset' || /^("utf-8"|utf-8)$/.test(value.trim());
  });
}

function unsupported(detail: string): Problem {
  return new Problem(415, 'unsupported_media_type', detail, {
    headers: { 'accept-post': 'application/json' },
  });
}
