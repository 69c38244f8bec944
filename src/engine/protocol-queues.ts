/**
 * Queues in which the gateway keeps its own word: it makes what is sent through them, and nobody else
 * does. Their rules are part of what a protocol promises.
 */
export const PROTOCOL_QUEUES = {
  /** Check-backs of messages. There are rules of this name and no queue, so nobody can change them. */
  messageCheck: 'message-check',
  tccTry: 'tcc-try',
  tccSecond: 'tcc-second',
  /** Calls that tell producers how their notifications ended. */
  producerCallbacks: 'producer-callbacks',
} as const;

const NAMES: readonly string[] = Object.values(PROTOCOL_QUEUES);

export function isProtocolQueue(name: string): boolean {
  return NAMES.includes(name);
}

/** For whoever would send something through it. */
export function keptForProtocol(name: string): string {
  return `The queue ${name} is kept for what the gateway itself sends.`;
}
