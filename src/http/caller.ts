import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { callerLeft } from '../api/problem.ts';

/** Whether a caller still waits for the answer to one call. */
interface Presence {
  /** Aborted, with a Problem as its reason, when the caller hangs up. */
  signal: AbortSignal;
  /** The call is over. */
  end(): void;
}

/** Of each connection, because it may have sent several calls at once, and answers that wait are not told of its end. */
const waitingOn = new WeakMap<Socket, Set<AbortController>>();

export function watchCaller({ socket }: IncomingMessage): Presence {
  const controller = new AbortController();
  if (socket.destroyed) controller.abort(callerLeft());
  const waiting = waitingOn.get(socket) ?? watch(socket);
  waiting.add(controller);
  return { signal: controller.signal, end: () => waiting.delete(controller) };
}

function watch(socket: Socket): Set<AbortController> {
  const waiting = new Set<AbortController>();
  waitingOn.set(socket, waiting);
  socket.once('close', () => {
    for (const controller of waiting) controller.abort(callerLeft());
  });
  return waiting;
}
