import { isUtf8 } from 'node:buffer';
import { invalid, Problem } from '../problem.ts';

const MAX_DEPTH = 32;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Byte → its value as a hexadecimal digit; -1: it is none. */
const HEX_VALUES = Int8Array.from({ length: 256 }, (_, byte) => {
  const value = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(value) ? -1 : value;
});

/**
 * Reads JSON and refuses what V8 takes but Postgres or the next reader would not: invalid UTF-8,
 * more than 32 levels, `\u0000`, half a surrogate pair, a key `__proto__`.
 *
 * @throws Problem 400 `malformed_json`, or 422
 */
export function parseJson(bytes: Buffer): { value: unknown; text: string } {
  if (!isUtf8(bytes)) throw invalid('body', 'The body is not valid UTF-8.');
  const { hasUnicodeEscapes } = scan(bytes);
  const text = bytes.toString('utf8');
  const value = parse(text);
  // A key can also be spelt with escapes; where there is neither, no key can be `__proto__`.
  if (hasUnicodeEscapes || text.includes('__proto__')) refuseProtoKeys(value);
  return { value, text };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // V8's message quotes the body.
    throw new Problem(400, 'malformed_json', 'The body is not valid JSON.');
  }
}

/**
 * One pass over the bytes, before anything is built of them. It need not understand JSON fully:
 * what it misreads is malformed and refused by the parser next.
 */
function scan(bytes: Buffer): { hasUnicodeEscapes: boolean } {
  let depth = 0;
  let inString = false;
  let hasUnicodeEscapes = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (inString) {
      if (byte === QUOTE) {
        inString = false;
      } else if (byte === BACKSLASH) {
        at += 1;
        if (bytes[at] === LETTER_U) {
          hasUnicodeEscapes = true;
          at = afterEscape(bytes, at);
        }
      }
    } else if (byte === QUOTE) {
      inString = true;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth += 1;
      if (depth > MAX_DEPTH) throw invalid('body', `JSON deeper than ${MAX_DEPTH} levels.`);
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth -= 1;
    }
  }
  return { hasUnicodeEscapes };
}

/**
 * @param at where the `u` of `\uXXXX` stands
 * @returns the last byte of the escape, or of the pair of escapes that make one character
 */
function afterEscape(bytes: Buffer, at: number): number {
  const unit = hexAt(bytes, at + 1);
  if (unit === 0) throw invalid('body', 'The body holds the character \\u0000.');
  if (unit < 0xd800 || unit > 0xdfff) return at + 4;
  const isPair = unit <= 0xdbff && bytes[at + 5] === BACKSLASH && bytes[at + 6] === LETTER_U;
  const second = isPair ? hexAt(bytes, at + 7) : 0;
  if (second < 0xdc00 || second > 0xdfff) {
    throw invalid('body', 'The body holds half a surrogate pair.');
  }
  return at + 10;
}

/** Four hexadecimal digits as a number; -1 where they are none. */
function hexAt(bytes: Buffer, at: number): number {
  let unit = 0;
  for (let digit = at; digit < at + 4; digit += 1) {
    const value = HEX_VALUES[bytes[digit] ?? 0] ?? -1;
    if (value === -1) return -1;
    unit = unit * 16 + value;
  }
  return unit;
}

function refuseProtoKeys(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (Object.hasOwn(value, '__proto__')) throw invalid('body', 'A key may not be "__proto__".');
  for (const child of Object.values(value)) refuseProtoKeys(child);
}
