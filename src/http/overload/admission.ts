import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { ShedReason } from '../../api/problem.ts';
import type { Route } from '../../api/route.ts';
import { heapLimitBytes, watchHeap } from './heap.ts';
import { createLane, type Lane } from './lane.ts';
import { createMemory } from './memory.ts';
import { createShedLog } from './shed-log.ts';
import { giveTicket, Ticket } from './ticket.ts';
import { createTurns } from './turns.ts';

/** Decides who is let in, before anything else is done for a call. */
export interface Admission {
  /** Lets a call in, to begin when it is its turn, or has it refused at once. */
  admit(req: IncomingMessage, res: ServerResponse, ways: Ways): void;
  /** A new connection was accepted. */
  connected(socket: Socket): void;
  /** Counts a call that was let in and is not done after all. */
  shed(reason: ShedReason): void;
  look(): AdmissionFigures;
  close(): void;
}

interface Ways {
  begin: RequestListener;
  /** Answers 503. */
  refuse: RequestListener;
}

interface AdmissionFigures {
  lanes: { name: string; inFlight: number; limit: number }[];
  memory: {
    uploadBytes: number;
    workBytes: number;
    uploadLimitBytes: number;
    workLimitBytes: number;
  };
}

interface AdmissionOptions {
  routes: readonly Pick<Route, 'method' | 'path' | 'isIntake' | 'items'>[];
  log: Logger;
  /** Told of each call that is shed. */
  count(reason: ShedReason): void;
  /** For tests; the process' own when absent. */
  heapLimitBytes?: number;
  /** For tests: with no bursts above it. */
  floor?: number;
}

/** Of what is worked on at once, of each kind. */
const INTAKE_FLOOR = 256;
const OTHER_FLOOR = 512;
const BURST = 2048;

/** A batch weighs more than a single call, and less than its items would one by one. */
const BYTES_PER_WEIGHT = 4 * 1024;
const HEAVIEST = 16;

/** What must be answered whatever happens, or a busy process is taken for a dead one. */
const ALWAYS = new Set(['/healthz', '/readyz', '/metrics']);

export function createAdmission(options: AdmissionOptions): Admission {
  const { routes, log } = options;
  const nowMs = () => performance.now();
  const limitBytes = options.heapLimitBytes ?? heapLimitBytes();
  const heap = watchHeap({ limitBytes, log });
  const shedLog = createShedLog(log);
  const memory = createMemory(limitBytes, nowMs);
  const turns = createTurns({ nowMs, soon: setImmediate });
  const burst = options.floor === undefined ? BURST : 0;
  const intake = createLane(options.floor ?? INTAKE_FLOOR, burst, nowMs);
  const other = createLane(options.floor ?? OTHER_FLOOR, burst, nowMs);
  const intakes = new Map(
    routes.filter(({ isIntake }) => isIntake === true).map((route) => [route.path, route]),
  );

  /** Of each connection, as the answers to pipelined calls are not told that it is gone. */
  const ticketsOf = new WeakMap<Socket, Set<Ticket>>();

  function shed(reason: ShedReason): void {
    options.count(reason);
    shedLog.count(reason);
  }

  return {
    shed,
    connected(socket) {
      turns.connected();
      const tickets = new Set<Ticket>();
      ticketsOf.set(socket, tickets);
      socket.once('close', () => {
        for (const ticket of tickets) ticket.close();
      });
    },
    admit(req, res, { begin, refuse }) {
      const path = pathOf(req.url ?? '');
      if (ALWAYS.has(path)) return begin(req, res);
      const found = req.method === 'POST' ? intakes.get(path) : undefined;
      const lane: Lane = found === undefined ? other : intake;
      // One at a time may still pass: something must show that it is over.
      const isShort = heap.isShort() && intake.inFlight + other.inFlight > 0;
      if (isShort || lane.isFull()) {
        shed(isShort ? 'heap' : 'queue');
        turns.refused();
        return refuse(req, res);
      }
      const ticket = new Ticket(
        { lane, memory, turns },
        found?.items === undefined ? 1 : weightOf(req),
      );
      giveTicket(req, ticket);
      const tickets = ticketsOf.get(req.socket);
      tickets?.add(ticket);
      res.on('close', () => {
        tickets?.delete(ticket);
        ticket.close();
      });
      turns.begin(() => {
        if (req.socket.destroyed) shed('abandoned');
        else begin(req, res);
      });
    },
    look: () => ({
      lanes: [
        { name: 'intake', inFlight: intake.inFlight, limit: intake.limit() },
        { name: 'other', inFlight: other.inFlight, limit: other.limit() },
      ],
      memory: memory.look(),
    }),
    close() {
      heap.close();
      shedLog.close();
    },
  };
}

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

function weightOf(req: IncomingMessage): number {
  const bytes = Number(req.headers['content-length'] ?? Number.POSITIVE_INFINITY);
  return Math.min(HEAVIEST, Math.max(1, Math.ceil(bytes / BYTES_PER_WEIGHT)));
}
