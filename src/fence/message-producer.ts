import { MessageRolledBack, markCommitted } from './message.ts';
import { answerCheck, type LocalDatabase } from './message-check.ts';

export interface ProducerOptions<Tx> extends LocalDatabase<Tx> {
  gateway: {
    /** Without a path: `https://postrider.internal`. */
    url: string;
    /** `pr_producer_…` */
    key: string;
    /** In place of Node's own. */
    fetch?: typeof fetch;
  };
}

/** The body of `POST /v1/messages`. With a `messageId` of its own a repeat of the whole is the same message. */
export interface ProducedMessage {
  messageId?: string;
  notification: object;
  checkUrl: string;
  completion: 'explicit' | 'http';
  checkAfterSeconds?: number;
  completeAfterSeconds?: number;
}

export interface Produced<T> {
  messageId: string;
  /** What the business returned; undefined where it ran before, or the commit's answer got lost. */
  result: T | undefined;
  /** false: the gateway could not be told, and will ask. The message stands all the same. */
  confirmed: boolean;
}

/** The gateway said no, or something that is none of its answers. */
export class GatewayRefused extends Error {
  readonly status: number;
  /** Of the problem, e.g. `unknown_merchant`. */
  readonly code: string | null;

  constructor(status: number, code: string | null) {
    super(`The gateway answered ${status} ${code ?? ''}`.trim());
    this.name = 'GatewayRefused';
    this.status = status;
    this.code = code;
  }
}

const CALL_MS = 10_000;

/**
 * Prepares a message, runs the business in one local transaction behind the fence, and confirms or cancels
 * the message by how that ended. Wherever the process dies in between, the check-back finds out.
 *
 * Where it stops, and what then stands: before the local commit nothing, and a check-back makes sure that it
 * stays so; after it everything, and a confirm that is not heard is made good by the check-back.
 *
 * @param business writes through `tx` alone; what it throws rolls everything back, and is thrown
 * @throws GatewayRefused before anything has begun; MessageRolledBack where a check-back came first
 */
export async function prepareAndCommit<Tx, T>(
  options: ProducerOptions<Tx>,
  message: ProducedMessage,
  business: (tx: Tx, messageId: string) => Promise<T>,
): Promise<Produced<T>> {
  const { id: messageId } = await call(options, '/v1/messages', message);
  let result: T | undefined;
  try {
    result = await options.transaction(async (tx) =>
      (await markCommitted(options.sql(tx), messageId)) ? business(tx, messageId) : undefined,
    );
  } catch (error) {
    // A commit whose answer got lost looks like any other failure: only the database knows.
    const ended =
      error instanceof MessageRolledBack
        ? 'rolled_back'
        : await answerCheck(options, messageId).catch(() => 'unknown');
    if (ended === 'rolled_back') await call(options, at(messageId, 'cancel')).catch(() => {});
    if (ended !== 'committed') throw error;
  }
  const confirmed = await call(options, at(messageId, 'confirm')).then(
    () => true,
    (error: unknown) => {
      // Somebody decided otherwise by hand, though the business stands: for people to mend.
      if (error instanceof GatewayRefused && error.code === 'already_cancelled') throw error;
      return false;
    },
  );
  return { messageId, result, confirmed };
}

function at(messageId: string, decision: 'confirm' | 'cancel'): string {
  return `/v1/messages/${encodeURIComponent(messageId)}/${decision}`;
}

async function call<Tx>(
  { gateway }: ProducerOptions<Tx>,
  path: string,
  body: object = {},
): Promise<{ id: string }> {
  const response = await (gateway.fetch ?? fetch)(new URL(path, gateway.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(CALL_MS),
  });
  const said = (await response.json().catch(() => ({}))) as { id?: unknown; code?: unknown };
  if (response.ok && typeof said.id === 'string') return { id: said.id };
  throw new GatewayRefused(response.status, typeof said.code === 'string' ? said.code : null);
}
