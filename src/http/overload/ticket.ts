import type { IncomingMessage, ServerResponse } from 'node:http';
import { Overload, Problem } from '../../api/problem.ts';
import type { Lane } from './lane.ts';
import type { Room } from './room.ts';
import type { Turns } from './turns.ts';
import type { Upload } from './uploads.ts';

/** The memory that calls share. */
export interface Memory {
  /** Bodies on their way in: the small, and the large, so that the one never wait for the other. */
  upload(bytes: number, giveWay: () => void): Upload;
  /** What is made of the bodies, and answers that nobody has read yet. */
  work: Room;
  /** More than this no call can have, even alone. */
  mostWorkBytes: number;
}

interface TicketParts {
  lane: Lane;
  memory: Memory;
  turns: Turns;
}

/** A call that was let in: its place among those at work, and its share of the memory. */
export class Ticket {
  readonly #lane: Lane | null;
  readonly #memory: Memory | null;
  readonly #turns: Turns | null;
  readonly #weight: number;
  #hasPlace = true;
  #isWorking = false;
  #isClosed = false;
  #workBytes = 0;
  #answerBytes = 0;

  /** @param parts null: there are no bounds */
  constructor(parts: TicketParts | null, weight: number) {
    this.#lane = parts?.lane ?? null;
    this.#memory = parts?.memory ?? null;
    this.#turns = parts?.turns ?? null;
    this.#weight = weight;
    this.#lane?.enter(weight);
  }

  /** From here until `end` the work goes on, and counts, even if the caller leaves. */
  begin(): void {
    this.#isWorking = true;
  }

  /** While a body is on its way the call waits for its caller, not for us. */
  leavePlace(): void {
    if (!this.#hasPlace) return;
    this.#hasPlace = false;
    this.#lane?.leave(this.#weight);
  }

  takePlace(): void {
    if (this.#hasPlace || this.#isClosed) return;
    this.#hasPlace = true;
    this.#lane?.enter(this.#weight);
  }

  /** @param bytes as many as the body has at most */
  upload(bytes: number, giveWay: () => void): Upload {
    return this.#memory?.upload(bytes, giveWay) ?? NO_UPLOAD;
  }

  /**
   * Takes the memory for what is to be made of a body; waits for it where others have it.
   *
   * @throws Problem 413 where this process could not do it at all, `Overload` after too long a wait
   */
  async reserve(bytes: number): Promise<void> {
    const memory = this.#memory;
    if (memory === null) return;
    if (bytes > memory.mostWorkBytes) throw tooLargeForUs();
    if (!memory.work.take(bytes) && !(await memory.work.wait(bytes))) throw memoryShort();
    this.#workBytes += bytes;
    // Its caller left meanwhile, and nothing would end it.
    if (this.#isClosed && !this.#isWorking) this.#settle(false);
  }

  /** Answers when it is the call's turn. @throws what the step throws */
  answerInTurn(step: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const attempt = () => {
        try {
          step();
          resolve();
        } catch (error) {
          reject(error);
        }
      };
      if (this.#turns === null) attempt();
      else this.#turns.answer(attempt);
    });
  }

  /** The answer is made, or there is none. @param res what of it is not sent yet goes on counting */
  end(res: ServerResponse): void {
    if (!this.#isWorking) return;
    this.#isWorking = false;
    this.#settle(res.headersSent && res.statusCode < 400);
    const unread = res.socket?.writableLength ?? 0;
    if (unread === 0 || this.#isClosed || this.#memory === null) return;
    this.#answerBytes = unread;
    this.#memory.work.hold(unread);
  }

  /** The answer is sent, or the connection is gone. */
  close(): void {
    this.#isClosed = true;
    if (this.#answerBytes > 0) this.#memory?.work.give(this.#answerBytes);
    this.#answerBytes = 0;
    if (!this.#isWorking) this.#settle(false);
  }

  #settle(isDone: boolean): void {
    if (this.#workBytes > 0) this.#memory?.work.give(this.#workBytes);
    this.#workBytes = 0;
    this.leavePlace();
    if (isDone) this.#lane?.complete(this.#weight);
  }
}

const NO_UPLOAD: Upload = { room: async () => true, end() {} };

function tooLargeForUs(): Problem {
  return new Problem(
    413,
    'payload_too_large',
    'This process has too little memory for such a body.',
  );
}

export function memoryShort(): Overload {
  return new Overload('memory', 'There is no memory for this body now. Try again shortly.');
}

const TICKET = Symbol('ticket');
type Ticketed = IncomingMessage & { [TICKET]?: Ticket };

export function giveTicket(req: IncomingMessage, ticket: Ticket): void {
  (req as Ticketed)[TICKET] = ticket;
}

/** Of a call that no one let in, such as to a server without bounds: one without bounds. */
export function ticketOf(req: IncomingMessage): Ticket {
  return (req as Ticketed)[TICKET] ?? new Ticket(null, 1);
}
