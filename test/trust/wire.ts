import { connect } from 'node:net';
import { ANSWER_MS, type Answer } from './client.ts';

/** Without a word for so long: the server waits for more, or has said all. */
const QUIET_BEFORE_MS = 250;
const QUIET_AFTER_MS = 50;

interface Heard {
  /** Interim ones (1xx) are left out. */
  answers: Answer[];
  /** The server has ended the connection, not we. */
  isRefused: boolean;
}

/**
 * Writes bytes as they are on a connection of their own, hears what comes, says that no more will
 * come when the server is quiet, and waits until it has closed the connection.
 *
 * @throws when the server keeps the connection open beyond `ANSWER_MS`
 */
export async function sayRaw(port: number, bytes: Buffer): Promise<Heard> {
  let isRefused = true;
  const startedAt = performance.now();
  const heard = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1' });
    const end = () => {
      isRefused = false;
      socket.end();
    };
    let quiet = setTimeout(end, QUIET_BEFORE_MS);
    const timer = setTimeout(() => {
      reject(new Error(`The connection was still open after ${ANSWER_MS} ms`));
      socket.destroy();
    }, ANSWER_MS);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      clearTimeout(quiet);
      quiet = setTimeout(end, QUIET_AFTER_MS);
    });
    // A reset after the answer is the server's right.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      clearTimeout(quiet);
      resolve(Buffer.concat(chunks));
    });
    socket.write(bytes);
  });
  return { answers: answersIn(heard, performance.now() - startedAt), isRefused };
}

function answersIn(heard: Buffer, durationMs: number): Answer[] {
  const answers: Answer[] = [];
  let rest = heard;
  while (rest.length > 0) {
    const headEnd = rest.indexOf('\r\n\r\n');
    if (headEnd < 0) throw new Error(`This is no answer: ${rest.toString('latin1', 0, 200)}`);
    const [statusLine = '', ...lines] = rest.toString('latin1', 0, headEnd).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]);
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    );
    rest = rest.subarray(headEnd + 4);
    if (status < 200) continue;
    const { text, length } = bodyOf(rest, headers, status);
    rest = rest.subarray(length);
    answers.push({ status, headers, text, durationMs });
  }
  return answers;
}

function bodyOf(bytes: Buffer, headers: Record<string, string>, status: number) {
  if (status === 204 || status === 304) return { text: '', length: 0 };
  if (headers['transfer-encoding'] !== 'chunked') {
    const length = Number(headers['content-length'] ?? bytes.length);
    return { text: bytes.toString('utf8', 0, length), length };
  }
  let text = '';
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (!(size > 0)) return { text, length: lineEnd + 4 };
    text += bytes.toString('utf8', lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}
