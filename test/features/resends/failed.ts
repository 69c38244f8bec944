import type { Api } from '../../support/api.ts';
import type { TestDatabase } from '../../support/database.ts';
import { until } from '../../support/until.ts';

const BATCH = 500;
const MINUTE = 60_000;

export interface Failed {
  merchantId: string;
  endpointId: string;
}

/**
 * Notifications that have failed, as they do when an endpoint was away for too long. The endpoint is
 * paused, and stays so until somebody resumes it.
 *
 * @param queue with rules of its own, on which a failed attempt is repeated at once
 */
export async function makeFailed(
  { operator, db }: { operator: Api; db: TestDatabase },
  { url, count, merchantId, endpoint = {} }: FailedOptions,
): Promise<Failed> {
  const rules = { ladderSeconds: [0, 0, 0, 0], deadlineSeconds: 600, timeoutMs: 5000 };
  await operator.put('/v1/queues/bulk', { ...rules, concurrency: 100 }).expect(200);
  const { body } = await operator
    .post(`/v1/merchants/${merchantId}/endpoints`, { url, queue: 'bulk', ...endpoint })
    .expect(201);
  await operator.post(`/v1/endpoints/${body.id}/pause`).expect(200);
  for (let from = 0; from < count; from += BATCH) {
    const notifications = Array.from({ length: Math.min(BATCH, count - from) }, (_, n) => ({
      merchantId,
      type: 'payment.made',
      businessKey: `${merchantId}-${from + n}`,
      payload: {},
    }));
    await operator.post('/v1/notifications/batch', { notifications }).expect(202);
  }
  await db.travel(11 * MINUTE);
  const failed = () => countWhere(db, `endpoint_id = '${body.id}' AND status = 'failed'`);
  await until(async () => (await failed()) === count, { timeoutMs: 20_000, what: 'the deadline' });
  return { merchantId, endpointId: body.id };
}

interface FailedOptions {
  url: string;
  count: number;
  merchantId: string;
  /** What else the endpoint is to have. */
  endpoint?: object;
}

/** How many deliveries there are of which this is true. */
export async function countWhere(db: TestDatabase, condition: string): Promise<number> {
  const { rows } = await db.database.pool.query(
    `SELECT count(*)::int AS n FROM delivery WHERE ${condition}`,
  );
  return rows[0].n;
}

/** The job as it is once `fits` says so. */
export function jobWhen(
  api: Api,
  id: string,
  fits: (job: { status: string; resent: number }) => boolean,
  timeoutMs = 20_000,
) {
  return until(
    async () => {
      const { body } = await api.get(`/v1/resends/${id}`).expect(200);
      return fits(body) && body;
    },
    { timeoutMs },
  );
}
