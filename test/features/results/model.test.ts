import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  isNewer,
  type Known,
  receivingEnd,
  resultsOf,
} from '../../protocols/notification/receiving-end.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

/** One thing the producer says; `repeats` of the same event, `lost`: the receiver fails at it. */
const event = fc.record({
  key: fc.integer({ min: 0, max: 3 }),
  version: fc.integer({ min: 0, max: 5 }),
  minute: fc.integer({ min: 0, max: 2 }),
  repeats: fc.integer({ min: 0, max: 2 }),
  lost: fc.boolean(),
});
const story = fc.record({
  events: fc.array(event, { minLength: 1, maxLength: 14 }),
  queue: fc.constantFrom('keeps', 'supersedes'),
  asBatch: fc.boolean(),
});

interface Event {
  eventId: string;
  businessKey: string;
  occurredAt: string;
  result: { status: string; version: number };
}

describe('results against a plain model', () => {
  let gateway: TestGateway;
  let receiver: Receiver;
  let producer: Awaited<ReturnType<TestGateway['producer']>>;
  beforeAll(async () => {
    gateway = await testGateway();
    receiver = await startReceiver();
    producer = await gateway.producer();
    for (const [name, supersede] of [
      ['keeps', false],
      ['supersedes', true],
    ]) {
      await gateway.operator
        .put(`/v1/queues/${name}`, { ladderSeconds: [0], deadlineSeconds: 60, supersede })
        .expect(200);
    }
  });
  afterAll(async () => {
    await gateway.close();
    await receiver.close();
  });

  test('lost, repeated, reordered, superseded: the results are the model’s, and so is the receiver after catching up', async () => {
    await fc.assert(
      fc.asyncProperty(story, async ({ events, queue, asBatch }) => {
        const { id: merchantId, api } = await gateway.merchant();
        const end = receivingEnd(api);
        const lost = new Set(events.flatMap(({ lost }, n) => (lost ? [`event-${n}`] : [])));
        receiver.answer(({ body }) => {
          if (lost.has(JSON.parse(body).data.eventId)) return 500;
          end.takePushed(body);
          return 200;
        }, `/${merchantId}`);
        await api
          .post(`/v1/merchants/${merchantId}/endpoints`, { url: receiver.url(`/${merchantId}`) })
          .expect(201);

        const said: Event[] = events.flatMap(({ key, version, minute, repeats }, n) => {
          const each = {
            eventId: `event-${n}`,
            businessKey: `k${key}`,
            occurredAt: `2026-11-22T08:0${minute}:00.000Z`,
            result: { status: `S${n}`, version },
          };
          return Array.from({ length: 1 + repeats }, () => each);
        });
        const wire = said.map((each) => ({
          ...each,
          merchantId,
          type: 'a.b',
          queue,
          payload: { eventId: each.eventId },
        }));
        const ids = asBatch ? await sendBatch(wire) : await sendEach(wire);
        const model = modelOf(said, ids);

        // What the gateway says of each key, and in which order it tells its history.
        for (const [businessKey, history] of model) {
          const { body } = await api.get(`/v1/results/${businessKey}`).expect(200);
          expect(body.latest.notificationId).toBe(history[0]?.id);
          expect(body.latest.payload.eventId).toBe(
            said[ids.indexOf(history[0]?.id ?? '')]?.eventId,
          );
          expect(
            body.history.map((state: { notificationId: string }) => state.notificationId),
          ).toEqual(history.map(({ id }) => id));
        }
        const truth = new Map([...model].map(([key, history]) => [key, history[0]]));
        expect(await resultsOf(api, [...truth.keys()])).toEqual(truth);

        await until(async () => {
          const { body } = await api.get('/v1/deliveries?status=pending,sending');
          return body.data.length === 0;
        });
        await end.catchUp();
        expect(end.known).toEqual(truth);
        expect(await end.catchUp()).toEqual([]);
        expect(await resultsOf(api, [...truth.keys()])).toEqual(truth);
      }),
      { numRuns: 30, endOnFailure: true },
    );
  }, 120_000);

  /** @returns the notification's id of each */
  async function sendBatch(notifications: object[]): Promise<string[]> {
    const { body } = await producer.api
      .post('/v1/notifications/batch', { notifications })
      .expect(202);
    return body.data.map((item: { notification: { id: string } }) => item.notification.id);
  }

  async function sendEach(notifications: object[]): Promise<string[]> {
    const ids: string[] = [];
    for (const each of notifications) {
      const { status, body } = await producer.api.post('/v1/notifications', each);
      expect([200, 202]).toContain(status);
      ids.push(body.id);
    }
    return ids;
  }
});

/** By business key all states there are, the latest first. */
function modelOf(said: Event[], ids: string[]): Map<string, Known[]> {
  const model = new Map<string, Known[]>();
  for (const [n, { businessKey, occurredAt, result }] of said.entries()) {
    const state = { id: ids[n] ?? '', ...result, occurredAt };
    const known = model.get(businessKey) ?? [];
    if (known.some(({ id }) => id === state.id)) continue;
    known.push(state);
    model.set(
      businessKey,
      known.toSorted((one, other) => (isNewer(one, other) ? -1 : 1)),
    );
  }
  return model;
}
