/**
 * Slices of JSON text, byte for byte. A payload is stored and signed as the producer wrote it:
 * parsed and printed again, an order number beyond 2^53 would come out as another one.
 *
 * The text must have passed JSON.parse; these walk it without checking it again.
 */

/** Windows programs begin a text with a byte order mark, which JSON.parse refuses. */
export function withoutMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

/** The text of a member of the outermost object; as in JSON.parse the last one of a name wins. */
export function memberText(json: string, name: string): string | null {
  let found: string | null = null;
  let at = skipSpace(json, json.indexOf('{') + 1);
  while (json[at] !== '}') {
    const keyEnd = skipString(json, at);
    const isIt = JSON.parse(json.slice(at, keyEnd)) === name;
    const start = skipSpace(json, skipSpace(json, keyEnd) + 1);
    const end = skipValue(json, start);
    if (isIt) found = json.slice(start, end);
    at = skipSpace(json, end);
    if (json[at] === ',') at = skipSpace(json, at + 1);
  }
  return found;
}

/** The texts of the elements of an array. */
export function elementTexts(json: string): string[] {
  const texts: string[] = [];
  let at = skipSpace(json, json.indexOf('[') + 1);
  while (json[at] !== ']') {
    const end = skipValue(json, at);
    texts.push(json.slice(at, end));
    at = skipSpace(json, end);
    if (json[at] === ',') at = skipSpace(json, at + 1);
  }
  return texts;
}

function skipSpace(json: string, from: number): number {
  let at = from;
  while (json[at] === ' ' || json[at] === '\n' || json[at] === '\r' || json[at] === '\t') at += 1;
  return at;
}

/** @param from the opening quote @returns the index after the closing one */
function skipString(json: string, from: number): number {
  let at = from + 1;
  while (json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at + 1;
}

function skipValue(json: string, from: number): number {
  const first = json[from];
  if (first === '"') return skipString(json, from);
  if (first !== '{' && first !== '[') return skipScalar(json, from);
  let depth = 0;
  let at = from;
  do {
    const char = json[at];
    if (char === '"') {
      at = skipString(json, at);
      continue;
    }
    if (char === '{' || char === '[') depth += 1;
    if (char === '}' || char === ']') depth -= 1;
    at += 1;
  } while (depth > 0);
  return at;
}

function skipScalar(json: string, from: number): number {
  let at = from;
  while (at < json.length && !',]} \n\r\t'.includes(json[at] as string)) at += 1;
  return at;
}

/** What a double may not hold: many digits, or an exponent. Most texts have neither. */
const LONG_NUMBER = /[\d.]{16}|\d[eE]/;
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;

/**
 * A value for comparing, and for that alone: numbers that JSON.parse rounded are strings in it, of a
 * kind that no body may hold, so that two that differ stay two.
 *
 * @param parsed what JSON.parse made of the text
 */
export function unrounded(parsed: unknown, json: string): unknown {
  if (!LONG_NUMBER.test(json)) return parsed;
  return JSON.parse(
    json.replaceAll(STRING_OR_NUMBER, (token) => {
      if (token.startsWith('"')) return token;
      const exact = decimalOf(token);
      return exact === decimalOf(String(Number(token))) ? token : `"\\u0000${exact}"`;
    }),
  );
}

/** `1.50e3`, `1500` and `15e2` are all `15e2`. */
function decimalOf(number: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  let end = digits.length;
  // Not by a pattern: that would begin anew at each zero of a long row.
  while (digits[end - 1] === '0') end -= 1;
  if (end === 0) return '0';
  const shift = BigInt(digits.length - end - fraction.length);
  return `${sign}${digits.slice(0, end)}e${BigInt(exponent) + shift}`;
}

/** No text that PostgreSQL holds has a NUL in it. */
const MARK = /"\\u0000(\d+)"/g;

/**
 * JSON in which some strings stand as the JSON that they are.
 *
 * @param name of the members that are such strings
 */
export function printWith(value: unknown, name: string): string {
  const texts: string[] = [];
  const marked = JSON.stringify(value, (key, member: unknown) => {
    if (key !== name || typeof member !== 'string') return member;
    texts.push(member);
    return `\u0000${texts.length - 1}`;
  });
  return marked.replaceAll(MARK, (_, index: string) => texts[Number(index)] ?? 'null');
}
