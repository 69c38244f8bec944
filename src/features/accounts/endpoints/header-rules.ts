import { isReserved } from '../../../engine/http/reserved-headers.ts';

const MAX_HEADERS = 20;
const MAX_BYTES = 4096;

/** A token as RFC 9110 spells it. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Visible ASCII, with blanks inside: neither a line's end nor anything a parser may trim. */
const VALUE = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;

export interface HeaderFault {
  /** null: the fault lies in all of them together. */
  name: string | null;
  message: string;
}

/** The first thing wrong with an endpoint's custom headers; null when they may be sent. */
export function headerFault(headers: Readonly<Record<string, string>>): HeaderFault | null {
  const entries = Object.entries(headers);
  if (entries.length > MAX_HEADERS) {
    return { name: null, message: `At most ${MAX_HEADERS} headers.` };
  }
  const seen = new Set<string>();
  let bytes = 0;
  for (const [name, value] of entries) {
    const lower = name.toLowerCase();
    if (!TOKEN.test(name)) return { name, message: 'This is not a header name.' };
    if (isReserved(name)) {
      return { name, message: 'This header is set by the gateway itself.' };
    }
    if (seen.has(lower)) return { name, message: 'This header is given twice.' };
    if (!VALUE.test(value)) return { name, message: 'Visible ASCII only, on one line.' };
    seen.add(lower);
    bytes += name.length + value.length;
  }
  if (bytes > MAX_BYTES) return { name: null, message: `At most ${MAX_BYTES} bytes in all.` };
  return null;
}
