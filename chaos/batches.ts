import type { Run } from './house.ts';
import { MERCHANT, type Scene } from './scene.ts';

const BATCH = 500;
const BATCHES_AT_ONCE = 4;
const SAID_EVERY = 20_000;

/** Has the API accept so many notifications as fast as it can, for what is about many at once. */
export async function acceptMany(run: Run, scene: Scene, count: number): Promise<void> {
  let from = 0;
  const lane = async () => {
    while (from < count) {
      const first = from;
      from += BATCH;
      const notifications = Array.from({ length: Math.min(BATCH, count - first) }, (_, n) => ({
        merchantId: MERCHANT,
        type: `kind.${n % scene.endpoints}`,
        businessKey: `B-${first + n}`,
        payload: { n: first + n },
      }));
      const { body } = await scene.api.post('/v1/notifications/batch', { notifications });
      for (const { status, notification } of body.data) {
        if (status !== 202) scene.miss(`an item of a batch: ${status}`);
        else scene.tell(notification.businessKey, notification.id);
      }
      if (first % SAID_EVERY === 0 && first > 0) run.say(`${first} accepted`);
    }
  };
  await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, lane));
}
