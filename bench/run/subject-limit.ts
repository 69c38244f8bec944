import pg from 'pg';
import { BARE_TABLE } from '../limit/inserts.ts';
import type { ReceiverReady } from '../load/receiver.ts';
import type { ScriptName, Target } from '../load/scripts.ts';
import { startWorkerProcess } from '../load/worker.ts';
import { BARE_LOOP, BARE_SQL, BY_HAND, HTTP_ALONE } from './figures.ts';
import type { Kind } from './options.ts';
import type { Subject } from './subject.ts';

const NO_TARGET: Target = {
  url: '',
  keys: [],
  queue: null,
  notifyUrl: null,
  participants: [],
  databaseUrl: null,
};

/** Where there is a limit to measure. */
export const LIMITED: readonly Kind[] = ['intake', 'batch', 'deliver', 'tcc'];

/** What nothing that stores and signs can be quicker than, one limit for each side. */
export async function openLimits(receiver: ReceiverReady, database: string): Promise<Subject[]> {
  const server = await startWorkerProcess<never, never, { url: string }>(
    new URL('../limit/server.ts', import.meta.url),
    { NODE_ENV: 'production' },
  );
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  await client.query(BARE_TABLE);
  await client.end();
  const alone = (name: string, script: ScriptName, kind: Kind, more: object) => ({
    name,
    pid: null,
    kinds: [kind],
    load: () => ({ script, target: { ...NO_TARGET, ...more } }),
    close: async () => {},
  });
  return [
    {
      name: HTTP_ALONE,
      pid: server.pid,
      kinds: ['intake', 'batch'],
      load: (kind) => ({
        script: kind === 'batch' ? 'batch' : 'single',
        target: {
          ...NO_TARGET,
          url: server.ready.url,
          keys: Array.from({ length: 8 }, (_, n) => `key-of-the-benchmark-${n}`),
        },
      }),
      close: server.close,
    },
    alone(BARE_SQL, 'bareInserts', 'intake', { databaseUrl: database }),
    alone(BARE_LOOP, 'bareLoop', 'deliver', { url: `${receiver.url}/ok` }),
    alone(BY_HAND, 'byHand', 'tcc', { participants: receiver.participants }),
  ];
}
