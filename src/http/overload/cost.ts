const KIB = 1024;
/** What a call costs besides its body: request, answer, promises, a place in a statement. */
const CALL_BYTES = 16 * KIB;
/** The text, what is cut out of it, the statement's copy, and the driver's. */
const COPIES = 4;
/** Of a parsed value: its place in an object or a list, and its box. */
const VALUE_BYTES = 40;
/** Of a field of a table: a string of its own, and its share of the row's object, digest and statement. */
const FIELD_BYTES = 128;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const LINE_FEED = 0x0a;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;

/**
 * About what a table of text costs at its peak, from when it is parsed until it is answered.
 *
 * @returns bytes
 */
export function costOfText(bytes: Buffer): number {
  let fields = 0;
  for (const byte of bytes) if (byte === COMMA || byte === LINE_FEED) fields += 1;
  return CALL_BYTES + COPIES * bytes.length + FIELD_BYTES * fields;
}

/**
 * Likewise of JSON, which may be all values: a body of brackets makes thirty times as much of itself.
 * Nothing is built of it yet, so what would be too much is known before it is there.
 *
 * @returns bytes
 */
export function costOfJson(bytes: Buffer): number {
  let values = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (inString) {
      if (byte === QUOTE) inString = false;
      else if (byte === BACKSLASH) at += 1;
    } else if (byte === QUOTE) {
      inString = true;
    } else if (byte === COMMA || byte === COLON || byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      values += 1;
    }
  }
  return CALL_BYTES + COPIES * bytes.length + VALUE_BYTES * values;
}
