import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { invalid, Problem } from '../problem.ts';
import type { Item, ItemRules } from '../route.ts';
import { parseItems } from './items.ts';
import { parseJson } from './json.ts';

const KIB = 1024;
export const DEFAULT_BODY_LIMIT_BYTES = 64 * KIB;
const EMPTY = Buffer.alloc(0);

export interface Body {
  bytes: Buffer;
  /** Exactly what came, as text. */
  text: string;
  /** `undefined`: no body came, or one that is not JSON. */
  value: unknown;
  items: readonly Item[];
}

/** What a route takes. */
interface Takes {
  limitBytes: number;
  /** Content types besides JSON; taken as text. */
  textTypes: readonly string[];
  items?: ItemRules | undefined;
}

export const NO_BODY: Body = { bytes: EMPTY, text: '', value: undefined, items: [] };

/**
 * Reads a body: JSON, or text of a type that the route takes. Its type matters only where there is one.
 *
 * @throws Problem 400, 413, 415, 422
 */
export async function readBody(
  req: IncomingMessage,
  { limitBytes, textTypes, items }: Takes,
): Promise<Body> {
  const bytes = await readBytes(req, limitBytes);
  if (bytes.length === 0) return NO_BODY;
  refuseCompressed(req, textTypes);
  if (textTypes.some((type) => isType(req, type))) {
    if (!isUtf8(bytes)) throw invalid('body', 'The body is not valid UTF-8.');
    return { bytes, text: bytes.toString('utf8'), value: undefined, items: [] };
  }
  requireJson(req, textTypes);
  if (items !== undefined) return { bytes, ...parseItems(bytes, items) };
  return { bytes, ...parseJson(bytes), items: [] };
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

/** A small compressed body may stand for gigabytes. */
function refuseCompressed(req: IncomingMessage, textTypes: readonly string[]): void {
  const encoding = req.headers['content-encoding'];
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity') {
    throw unsupported('The body must not be compressed (Content-Encoding).', textTypes);
  }
}

function requireJson(req: IncomingMessage, textTypes: readonly string[]): void {
  if (req.headers['content-type'] === 'application/json' || isType(req, JSON_TYPE)) return;
  const types = ['application/json', ...textTypes].join(' or ');
  throw unsupported(`The body must be ${types} in UTF-8 (Content-Type).`, textTypes);
}

/** `application/json` or `application/…+json`. */
const JSON_TYPE = /^application\/([a-z0-9!#$&^_.+-]+\+)?json$/;

/** The content type is this one, with no charset or `utf-8`. */
function isType(req: IncomingMessage, wanted: string | RegExp): boolean {
  const [type = '', ...parameters] = (req.headers['content-type'] ?? '').toLowerCase().split(';');
  const isIt = typeof wanted === 'string' ? type.trim() === wanted : wanted.test(type.trim());
  return (
    isIt &&
    parameters.every((parameter) => {
      const [name = '', value = ''] = parameter.split('=');
      return name.trim() !== 'charset' || /^("utf-8"|utf-8)$/.test(value.trim());
    })
  );
}

function unsupported(detail: string, textTypes: readonly string[]): Problem {
  return new Problem(415, 'unsupported_media_type', detail, {
    headers: { 'accept-post': ['application/json', ...textTypes].join(', ') },
  });
}
