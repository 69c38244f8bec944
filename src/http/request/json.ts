import { isUtf8 } from 'node:buffer';
import { invalid, Problem } from '../../api/problem.ts';
import { withoutMark } from '../../platform/json/text.ts';

export const MAX_DEPTH = 32;

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
  const { value, text, fault } = parseDeep(bytes, MAX_DEPTH);
  if (fault !== null) throw fault;
  return { value, text };
}

/**
 * Reads JSON that may be deeper, and only tells what else `parseJson` would refuse in it.
 *
 * @throws Problem 400 `malformed_json`, or 422 for invalid UTF-8 and for more levels than these
 */
export function parseDeep(
  bytes: Buffer,
  maxDepth: number,
): { value: unknown; text: string; depth: number; fault: Problem | null } {
  if (!isUtf8(bytes)) throw invalid('body', 'The body is not valid UTF-8.');
  const { depth, hasUnicodeEscapes, badEscape } = scan(bytes);
  if (depth > maxDepth) throw invalid('body', `JSON deeper than ${maxDepth} levels.`);
  const text = withoutMark(bytes.toString('utf8'));
  const value = parse(text);
  // A key can also be spelt with escapes; where there is neither, no key can be `__proto__`.
  const mayHoldProto = hasUnicodeEscapes || text.includes('__proto__');
  const holdsProto = mayHoldProto && hasProtoKey(value);
  const what = badEscape ?? (holdsProto ? 'A key may not be "__proto__".' : null);
  return { value, text, depth, fault: what === null ? null : invalid('body', what) };
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
function scan(bytes: Buffer): {
  depth: number;
  hasUnicodeEscapes: boolean;
  badEscape: string | null;
} {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  let hasUnicodeEscapes = false;
  let badEscape: string | null = null;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (inString) {
      if (byte === QUOTE) {
        inString = false;
      } else if (byte === BACKSLASH) {
        at += 1;
        if (bytes[at] === LETTER_U) {
          hasUnicodeEscapes = true;
          badEscape ??= faultOfEscape(bytes, at);
          at += isPair(bytes, at) ? 10 : 4;
        }
      }
    } else if (byte === QUOTE) {
      inString = true;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth -= 1;
    }
  }
  return { depth: deepest, hasUnicodeEscapes, badEscape };
}

/** @param at where the `u` of `\uXXXX` stands */
function faultOfEscape(bytes: Buffer, at: number): string | null {
  const unit = hexAt(bytes, at + 1);
  if (unit === 0) return 'The body holds the character \\u0000.';
  if (unit < 0xd800 || unit > 0xdfff || isPair(bytes, at)) return null;
  return 'The body holds half a surrogate pair.';
}

/** Two escapes that make one character. */
function isPair(bytes: Buffer, at: number): boolean {
  if (bytes[at + 5] !== BACKSLASH || bytes[at + 6] !== LETTER_U) return false;
  const unit = hexAt(bytes, at + 1);
  const second = hexAt(bytes, at + 7);
  return unit >= 0xd800 && unit <= 0xdbff && second >= 0xdc00 && second <= 0xdfff;
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

function hasProtoKey(value: unknown): boolean {
  const found = [value];
  for (const each of found) {
    if (typeof each !== 'object' || each === null) continue;
    if (Object.hasOwn(each, '__proto__')) return true;
    for (const child of Object.values(each)) found.push(child);
  }
  return false;
}
