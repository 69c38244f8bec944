/** The heads of one answer, on their way from the socket to the parser. */
export interface AnswerHeads {
  /** @returns what the parser may have of it; empty while a head is not complete */
  pass(chunk: Buffer): Buffer;
}

const MOST_HEAD_BYTES = 16 * 1024;
const NOTHING: Buffer = Buffer.alloc(0);
const PROTOCOL = Buffer.from('HTTP/');

/**
 * Makes of what servers send what undici's parser takes. Of RFC 9112 it refuses three things that a client may
 * meet: a `100 Continue` that nobody asked for, a field that goes on in the next line, and a
 * Content-Length that is there twice with the same value. Other answers before the answer are passed on.
 *
 * What does not begin like HTTP goes to the parser at once, which says what is wrong with it; and so does a head
 * that is too long.
 */
export function createAnswerHeads(): AnswerHeads {
  let held = NOTHING;
  let isDone = false;

  /** @returns whether another head may follow */
  function take(head: Buffer): { passed: Buffer; isInterim: boolean } {
    const status = head.toString('latin1', 9, 12);
    if (status === '100') return { passed: NOTHING, isInterim: true };
    return { passed: plain(head), isInterim: status.startsWith('1') && status !== '101' };
  }

  return {
    pass(chunk) {
      if (isDone) return chunk;
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const passed: Buffer[] = [];
      while (!isDone && held.length > 0) {
        const end = endOfHead(held);
        if (end === -1) break;
        const head = take(held.subarray(0, end));
        passed.push(head.passed);
        held = held.subarray(end);
        isDone = !head.isInterim;
      }
      isDone ||= held.length > MOST_HEAD_BYTES || !beginsLikeHttp(held);
      if (isDone && held.length > 0) {
        passed.push(held);
        held = NOTHING;
      }
      const [only = NOTHING] = passed;
      return passed.length <= 1 ? only : Buffer.concat(passed);
    },
  };
}

function beginsLikeHttp(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, PROTOCOL.length);
  return bytes.compare(PROTOCOL, 0, length, 0, length) === 0;
}

/** Behind the blank line; -1: it has not come. Lines may end without a carriage return. */
function endOfHead(bytes: Buffer): number {
  const usual = bytes.indexOf('\r\n\r\n');
  const bare = bytes.indexOf('\n\n');
  if (bare !== -1 && (usual === -1 || bare < usual)) return bare + 2;
  return usual === -1 ? -1 : usual + 4;
}

const FOLD = /\r?\n[ \t]+/g;
const LENGTH_LINE = /^content-length[ \t]*:[ \t]*(\d+(?:[ \t]*,[ \t]*\d+)*)[ \t]*\r?\n/gim;

/** The same without folds, and with one length where several are equal; others are the parser's to refuse. */
function plain(head: Buffer): Buffer {
  const text = head.toString('latin1');
  const unfolded = text.replace(FOLD, ' ');
  const lines = [...unfolded.matchAll(LENGTH_LINE)];
  const [first] = lines;
  const [length, ...others] = new Set(
    lines.flatMap(([, list = '']) => list.split(/[ \t]*,[ \t]*/)),
  );
  const isRepeated = lines.length > 1 || first?.[1]?.includes(',');
  if (first === undefined || !isRepeated || others.length > 0) {
    return unfolded === text ? head : Buffer.from(unfolded, 'latin1');
  }
  const single = unfolded.replaceAll(LENGTH_LINE, (_line, _list, at: number) =>
    at === first.index ? `Content-Length: ${length}\r\n` : '',
  );
  return Buffer.from(single, 'latin1');
}
