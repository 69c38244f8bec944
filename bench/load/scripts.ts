import { bareInserts } from '../limit/inserts.ts';
import { bareLoop } from '../limit/loop.ts';
import { openWire, type Wire } from './wire.ts';

/**
 * What one caller does again and again. `units`: what one call counts for; 0 where it failed. `status`: of
 * the one answer, where there is one.
 */
export interface Caller {
  call(n: number): Promise<{ units: number; answer?: string; status?: number }>;
  close(): Promise<unknown> | unknown;
}

/** What a script needs; orders cross a process boundary, so it is data. */
export interface Target {
  /** Where the calls go. */
  url: string;
  /** Bearer keys, taken in turn: a limit per key must not become what is measured. */
  keys: string[];
  /** The lane; the notifications of `later` are only stored. */
  queue: string | null;
  /** Sent along where the server keeps no register of endpoints. */
  notifyUrl: string | null;
  /** The two participants of a transaction. */
  participants: string[];
  /** Only for bare inserts. */
  databaseUrl: string | null;
}

export const MERCHANTS = 20;
const BATCH = 100;
const FILLING = 'x'.repeat(200);

export const merchantOf = (n: number) => `bench_m${n % MERCHANTS}`;

/** One payment's notification, some 450 bytes as JSON. */
function notificationOf(n: number, target: Pick<Target, 'queue' | 'notifyUrl'>) {
  return {
    merchantId: merchantOf(n),
    type: 'payment.succeeded',
    businessKey: `ORDER-${n}`,
    result: { status: 'SUCCESS', version: 1, amount: '100.00', currency: 'CNY' },
    payload: { order: n, note: FILLING },
    ...(target.queue !== null && { queue: target.queue }),
    ...(target.notifyUrl !== null && { notifyUrl: target.notifyUrl }),
  };
}

type Script = (target: Target, caller: number) => Promise<Caller>;

/** A script with one connection and one key to a caller. */
function overWire(call: (wire: Wire, n: number, target: Target, key?: string) => Call): Script {
  return async (target, caller) => {
    const wire = await openWire(target.url);
    const key = target.keys[caller % target.keys.length];
    return { call: (n) => call(wire, n, target, key), close: () => wire.close() };
  };
}
type Call = ReturnType<Caller['call']>;

const single = overWire(async (wire, n, target, key) => {
  const body = JSON.stringify(notificationOf(n, target));
  const { status, body: answer } = await wire.post('/v1/notifications', body, key);
  return { units: status === 202 ? 1 : 0, answer, status };
});

const batch = overWire(async (wire, n, target, key) => {
  const notifications = Array.from({ length: BATCH }, (_, item) =>
    notificationOf(n * BATCH + item, target),
  );
  const body = JSON.stringify({ notifications });
  const answer = await wire.post('/v1/notifications/batch', body, key);
  if (answer.status !== 202) return { units: 0 };
  const { data } = JSON.parse(answer.body) as { data: { status: number }[] };
  return { units: data.filter((item) => item.status === 202).length };
});

/** Prepared, then confirmed, as a producer does around its own transaction. */
const message = overWire(async (wire, n, target, key) => {
  const prepared = await wire.post(
    '/v1/messages',
    JSON.stringify({
      notification: notificationOf(n, target),
      checkUrl: `${target.participants[0]}/check`,
      checkAfterSeconds: 3600,
      completion: 'http',
    }),
    key,
  );
  if (prepared.status !== 201) return { units: 0 };
  const { id, messageId } = JSON.parse(prepared.body) as { id?: string; messageId?: string };
  const { status } = await wire.post(`/v1/messages/${messageId ?? id}/confirm`, '{}', key);
  return { units: status === 200 ? 1 : 0 };
});

/** A managed transaction of two branches: the gateway makes all four calls. */
const transaction = overWire(async (wire, n, target, key) => {
  const branches = target.participants.map((url, index) => ({
    branchId: `b${index}`,
    tryUrl: `${url}/try`,
    confirmUrl: `${url}/confirm`,
    cancelUrl: `${url}/cancel`,
    payload: { order: n, note: FILLING },
  }));
  const body = JSON.stringify({ businessKey: `ORDER-${n}`, mode: 'managed', branches });
  const { status } = await wire.post('/v1/transactions', body, key);
  return { units: status === 201 ? 1 : 0 };
});

/** The same four calls by hand: both tries at once, then one confirm after the other, nothing stored. */
const byHand: Script = async (target) => {
  const wires = await Promise.all(target.participants.map(openWire));
  return {
    async call(n) {
      const body = JSON.stringify({ order: n, note: FILLING });
      const tries = await Promise.all(wires.map((wire) => wire.post('/try', body)));
      const agreed = tries.every(({ status }) => status === 200);
      let ended = agreed;
      for (const wire of wires) {
        const { status } = await wire.post(agreed ? '/confirm' : '/cancel', body);
        ended &&= status === 200;
      }
      return { units: ended ? 1 : 0 };
    },
    close: () => wires.map((wire) => wire.close()),
  };
};

const SCRIPTS = { single, batch, message, transaction, byHand, bareLoop, bareInserts };
export type ScriptName = keyof typeof SCRIPTS;

export function openCaller(script: ScriptName, target: Target, caller: number): Promise<Caller> {
  return SCRIPTS[script](target, caller);
}
