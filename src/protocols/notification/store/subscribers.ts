import { PROTOCOL_QUEUES } from '../../../engine/protocol-queues.ts';
import type { Sql } from '../../../platform/db/client.ts';

/** An endpoint as intake must know it. */
export interface ListeningEndpoint {
  id: string;
  merchantId: string;
  url: string;
  types: string[];
  queue: string | null;
}

/** What intake must know of a queue's current rules. */
export interface Lane {
  queue: string;
  version: number;
  firstDelaySeconds: number;
  deadlineSeconds: number;
  supersede: boolean;
  /** Its rules tell producers of ends. */
  tellsProducer: boolean;
}

export interface IntakeContext {
  merchants: Set<string>;
  endpoints: ListeningEndpoint[];
  lanes: Map<string, Lane>;
  /** Of the keys asked for, those that have a secret to sign callbacks with. */
  signers: Set<string>;
}

interface AudienceRow {
  merchants: string[] | null;
  endpoints: ListeningEndpoint[] | null;
  lanes: Lane[] | null;
  signers: string[] | null;
}

/** Merchants, their endpoints and all queues that are for them in one statement: what a batch of intake has to be told. */
export async function loadIntakeContext(
  sql: Sql,
  merchantIds: string[],
  keyIds: string[],
): Promise<IntakeContext> {
  const [row] = await sql.$queryRaw<AudienceRow[]>`
    SELECT
      (SELECT json_agg(id) FROM merchant WHERE id = ANY (${merchantIds})) AS merchants,
      (SELECT json_agg(json_build_object('id', id, 'merchantId', merchant_id, 'url', url, 'types', types,
                                         'queue', queue) ORDER BY id)
         FROM endpoint WHERE merchant_id = ANY (${merchantIds}) AND deleted_at IS NULL
                         -- Those that ask for operational events hear nothing else.
                         AND events = '{}') AS endpoints,
      (SELECT json_agg(json_build_object('queue', q.name, 'version', q.version,
                'firstDelaySeconds', p.ladder_seconds[1], 'deadlineSeconds', p.deadline_seconds,
                'supersede', p.supersede, 'tellsProducer', p.notify_producer IS NOT NULL))
         FROM queue AS q JOIN policy AS p ON p.queue = q.name AND p.version = q.version
        WHERE q.name <> ALL (${Object.values(PROTOCOL_QUEUES)})) AS lanes,
      (SELECT json_agg(id) FROM api_key WHERE id = ANY (${keyIds}) AND callback_secret IS NOT NULL) AS signers`;
  return {
    merchants: new Set(row?.merchants ?? []),
    endpoints: row?.endpoints ?? [],
    signers: new Set(row?.signers ?? []),
    lanes: new Map((row?.lanes ?? []).map((lane) => [lane.queue, lane])),
  };
}
