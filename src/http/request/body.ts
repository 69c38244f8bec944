import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { callerLeft, invalid, Problem } from '../../api/problem.ts';
import type { Item, ItemRules } from '../../api/route.ts';
import { costOfJson, costOfText } from '../overload/cost.ts';
import type { Ticket } from '../overload/ticket.ts';
import { parseItems } from './items.ts';
import { parseJson } from './json.ts';
import { openUpload } from './upload.ts';

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
 * What is to be made of it is reserved before anything is, and no body is parsed for a caller who left.
 *
 * @throws Problem 400, 413, 415, 422, and `Overload` where there is no room for it
 */
export async function readBody(
  req: IncomingMessage,
  { limitBytes, textTypes, items }: Takes,
  ticket: Ticket,
): Promise<Body> {
  const upload = openUpload(req, limitBytes, ticket);
  if (upload === null) return NO_BODY;
  ticket.leavePlace();
  try {
    const bytes = await upload.read();
    ticket.takePlace();
    if (bytes.length === 0) return NO_BODY;
    refuseCompressed(req, textTypes);
    const isText = textTypes.some((type) => isType(req, type));
    if (!isText) requireJson(req, textTypes);
    await ticket.reserve(isText ? costOfText(bytes) : costOfJson(bytes));
    if (req.socket.destroyed) throw callerLeft();
    if (isText) return textBody(bytes);
    if (items !== undefined) return { bytes, ...parseItems(bytes, items) };
    return { bytes, ...parseJson(bytes), items: [] };
  } finally {
    upload.end();
  }
}

function textBody(bytes: Buffer): Body {
  if (!isUtf8(bytes)) throw invalid('body', 'The body is not valid UTF-8.');
  return { bytes, text: bytes.toString('utf8'), value: undefined, items: [] };
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
