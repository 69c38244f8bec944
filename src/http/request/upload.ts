import type { IncomingMessage } from 'node:http';
import { Problem } from '../../api/problem.ts';
import { memoryShort, type Ticket } from '../overload/ticket.ts';

/** A body that is to be read. */
interface OpenUpload {
  /** @throws Problem 400 where the caller left within it, 413, `Overload` where there is no room for it */
  read(): Promise<Buffer>;
  /** Its bytes are no longer held for the reading. */
  end(): void;
}

/**
 * Reads at most so many bytes. What exceeds them is discarded as it comes, not cut off with the
 * connection: a reset would often destroy the 413 before the caller has read it. So is what comes of a
 * body for which there is no room. The server's request timeout ends those who never stop.
 *
 * @returns null where no body comes
 */
export function openUpload(
  req: IncomingMessage,
  limitBytes: number,
  ticket: Ticket,
): OpenUpload | null {
  const declared = req.headers['content-length'];
  if (declared === undefined && req.headers['transfer-encoding'] === undefined) return null;
  if (declared === '0') return null;
  const mostBytes = Math.min(Number(declared ?? limitBytes), limitBytes);
  let giveUp = (_problem: Problem) => {};
  const upload = ticket.upload(mostBytes, () => giveUp(memoryShort()));

  async function read(): Promise<Buffer> {
    if (Number(declared) > limitBytes) throw tooLarge(limitBytes);
    if (!(await upload.room())) throw memoryShort();
    if (req.destroyed) throw cutOff();
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let length = 0;
      const leave = () => {
        req.off('data', onData).off('end', onEnd).off('close', onClose);
      };
      giveUp = (problem: Problem) => {
        leave();
        req.resume();
        // Not only with the answer: that the rest of the body is discarded may take long.
        upload.end();
        chunks.length = 0;
        reject(problem);
      };
      const onData = (chunk: Buffer) => {
        length += chunk.length;
        if (length > limitBytes) giveUp(tooLarge(limitBytes));
        else chunks.push(chunk);
      };
      const onEnd = () => {
        leave();
        const [only] = chunks;
        resolve(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, length));
      };
      const onClose = () => {
        leave();
        reject(cutOff());
      };
      req.on('data', onData).on('end', onEnd).on('close', onClose);
    });
  }
  return { read, end: () => upload.end() };
}

/** Nobody is left to read it; it only ends the call. */
function cutOff(): Problem {
  return new Problem(400, 'incomplete_body', 'The connection closed within the body.');
}

function tooLarge(limitBytes: number): Problem {
  return new Problem(413, 'payload_too_large', `The body may have ${limitBytes} bytes at most.`);
}
