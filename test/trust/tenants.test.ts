import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Api } from '../support/api.ts';
import type { Operation } from './document.ts';
import { askersOf, fieldsOf, madeFor, send, shownBy, thingOf, thingOfField } from './things.ts';
import {
  absentLike,
  contentsOf,
  makeEndpoint,
  notify,
  openWorld,
  type Tenant,
  theirNames,
  type Who,
  type World,
} from './world.ts';

let world: World;
let ours: Tenant;
let theirs: Tenant;
beforeAll(async () => {
  world = await openWorld();
  ({ ours, theirs } = world);
}, 60_000);
afterAll(() => world?.close());

const made = (operation: Operation, tenant: Tenant, who: Who, id: string) =>
  madeFor(world.document, operation, { tenant, who, id });

describe('an id of somebody else’s', () => {
  test('is as good as none, in every path; nothing happens to what it names', async () => {
    const seen: string[] = [];
    for (const operation of world.document.operations) {
      const thing = thingOf(operation);
      if (thing === null) continue;
      for (const who of askersOf(operation)) {
        // Producers see what they sent: what another one sent to the same merchant is foreign, too.
        for (const owner of who === 'producer' ? [theirs, world.rivals] : [theirs]) {
          const name = `${operation.name} by a ${who}`;
          const foreign = await thing.of(owner);
          const absent = thing.absent();
          const before = await contentsOf(world, owner);
          const ask = (id: string) => send(ours[who], made(operation, ours, who, id));
          const touched = await ask(foreign);
          expect({ name, ...shownBy(touched, [foreign]) }).toEqual({
            name,
            ...shownBy(await ask(absent), [absent]),
          });
          expect({ name, status: touched.status }).toEqual({ name, status: 404 });
          expect({ name, all: await contentsOf(world, owner) }).toEqual({ name, all: before });
          // The same call is a good one when its owner makes it; else it would prove nothing.
          const own = await send(owner[who], made(operation, owner, who, foreign));
          expect({ name, status: own.status, text: own.text }).not.toMatchObject({ status: 404 });
          seen.push(name);
        }
      }
    }
    expect(seen.length).toBeGreaterThanOrEqual(20);
  });

  test('is as good as none where an Idempotency-Key of its owner’s comes with it', async () => {
    for (const operation of world.document.operations.filter(({ method }) => method === 'POST')) {
      const thing = thingOf(operation);
      if (thing === null) continue;
      for (const who of askersOf(operation)) {
        const call = made(operation, theirs, who, await thing.of(theirs));
        const headers = { 'idempotency-key': randomBytes(8).toString('hex') };
        const own = await send(theirs[who], call, headers);
        const repeated = await send(theirs[who], call, headers);
        expect(repeated.headers.get('idempotent-replayed')).toBe('true');
        expect(repeated.text).toBe(own.text);
        const stolen = await send(ours[who], call, headers);
        expect([operation.name, stolen.status]).toEqual([operation.name, 404]);
        expect(stolen.headers.get('idempotent-replayed')).toBeNull();
      }
    }
  });

  test('is as good as none in every query', async () => {
    const seen: string[] = [];
    for (const operation of world.document.operations) {
      for (const { name } of operation.parameters.filter((each) => each.in === 'query')) {
        const thing = thingOfField(name);
        if (thing === undefined) continue;
        for (const who of askersOf(operation)) {
          const foreign = await thing.of(theirs);
          const absent = thing.absent();
          const own = await (thingOf(operation)?.of(ours) ?? '');
          const call = made(operation, ours, who, own);
          const ask = (value: string) =>
            send(ours[who], { ...call, query: { ...call.query, [name]: value } });
          const where = `${operation.name}?${name}= by a ${who}`;
          const shown = shownBy(await ask(foreign), [foreign]);
          expect({ where, ...shown }).toEqual({ where, ...shownBy(await ask(absent), [absent]) });
          // Beside one of our own it does not help either.
          const both = await ask(`${await thing.of(ours)},${foreign}`);
          expect(both.text).not.toContain(`"${theirs.merchantId}"`);
          seen.push(where);
        }
      }
    }
    expect(seen.length).toBeGreaterThanOrEqual(10);
  });

  test('is as good as none in every body', async () => {
    const seen: string[] = [];
    for (const operation of world.document.operations) {
      for (const field of fieldsOf(world.document, operation)) {
        for (const who of askersOf(operation)) {
          const foreign = await field.thing.of(theirs);
          const absent = field.thing.absent();
          const beside = await field.thing.of(ours);
          const own = await (thingOf(operation)?.of(ours) ?? '');
          const before = await contentsOf(world, theirs);
          const ask = (value: string) => {
            const call = made(operation, ours, who, own);
            return send(ours[who], { ...call, body: field.put(call.body, value, beside) });
          };
          const where = `${operation.name} ${field.name} by a ${who}`;
          const shown = shownBy(await ask(foreign), [foreign]);
          expect({ where, ...shown }).toEqual({ where, ...shownBy(await ask(absent), [absent]) });
          expect({ where, all: await contentsOf(world, theirs) }).toEqual({ where, all: before });
          seen.push(where);
        }
      }
    }
    expect(seen).toContain('post /v1/notifications merchantId by a producer');
  });
});

describe('answers', () => {
  test('to our questions name nothing foreign', async () => {
    const names = await theirNames(world);
    expect(names.length).toBeGreaterThan(20);
    for (const operation of world.document.operations.filter(({ method }) => method === 'GET')) {
      for (const who of askersOf(operation)) {
        const own = await (thingOf(operation)?.of(ours) ?? '');
        const { text } = await send(ours[who], made(operation, ours, who, own));
        expect({ of: operation.name, named: names.filter((name) => text.includes(name)) }).toEqual({
          of: operation.name,
          named: [],
        });
      }
    }
  });

  const isList = ({ method, parameters }: Operation) =>
    method === 'GET' && parameters.some(({ name }) => name === 'cursor');

  async function* pages(api: Api, path: string, cursor: string | null, limit: number) {
    let next = cursor;
    do {
      const more: string = next === null ? '' : `&cursor=${encodeURIComponent(next)}`;
      const { body, text } = await api.get(`${path}?limit=${limit}${more}`).expect(200);
      yield { body, text };
      next = body.nextCursor;
    } while (next !== null);
  }

  test('of lists hold nothing foreign, on any page, also behind a foreign cursor', async () => {
    const names = await theirNames(world);
    const seen: string[] = [];
    for (const operation of world.document.operations.filter(isList)) {
      const thing = thingOf(operation);
      for (const who of askersOf(operation)) {
        const pathOf = async (tenant: Tenant) =>
          made(operation, tenant, who, (await thing?.of(tenant)) ?? '').path;
        const [own, foreign] = [await pathOf(ours), await pathOf(theirs)];
        const cursors = new Set<string | null>([null]);
        for await (const { body } of pages(theirs[who], foreign, null, 2)) {
          cursors.add(body.nextCursor);
          if (cursors.size > 4) break;
        }
        for (const cursor of cursors) {
          for await (const { text } of pages(ours[who], own, cursor, 50)) {
            expect(names.filter((name) => text.includes(name))).toEqual([]);
            if (text.includes(ours.merchantId)) seen.push(operation.name);
          }
        }
      }
    }
    // Our own things are in them.
    for (const path of ['notifications', 'deliveries', 'merchants/{merchantId}/endpoints']) {
      expect(seen).toContain(`get /v1/${path}`);
    }
  });
});

describe('producers', () => {
  const event = { type: 'payment.made', businessKey: 'K', payload: {} };

  test('that name one merchant cannot tell another one from none, in batches too', async () => {
    const absent = absentLike('m_');
    const merchants = [theirs.merchantId, absent, ours.merchantId];
    const { body } = await ours.producer
      .post('/v1/notifications/batch', {
        notifications: merchants.map((merchantId) => ({ ...event, merchantId })),
      })
      .expect(202);
    const [foreign, missing, own] = body.data;
    expect(own.status).toBe(202);
    const normal = (each: unknown, name: string, place: number) =>
      JSON.stringify(each)
        .replaceAll(name, '<it>')
        .replaceAll(`notifications.${place}.`, 'notifications.<place>.');
    expect(normal(foreign, theirs.merchantId, 0)).toBe(normal(missing, absent, 1));
    expect(foreign.problem.code).toBe('unknown_merchant');
  });

  test('that name one merchant learn nothing from an event id of another’s', async () => {
    const eventId = absentLike('evt-');
    await notify(theirs, { eventId });
    const ask = (merchantId: string) =>
      ours.producer.post('/v1/notifications', { ...event, eventId, merchantId, queue: 'late' });
    // The same id is free for each merchant …
    await ask(ours.merchantId).expect(202);
    // … and with their merchant the merchant is what is unknown, not a conflict.
    const answer = await ask(theirs.merchantId);
    expect([answer.status, answer.body.code]).toEqual([422, 'unknown_merchant']);
  });
});

describe('Idempotency-Keys', () => {
  test('are each caller’s own, also among keys of one merchant', async () => {
    const { body: second } = await world.gateway.operator
      .post('/v1/keys', { role: 'merchant', merchantId: ours.merchantId, name: 'second' })
      .expect(201);
    const headers = { 'idempotency-key': 'same-for-all' };
    const path = `/v1/merchants/${ours.merchantId}/endpoints`;
    const body = { url: ours.url, types: ['none'] };
    const first = await ours.merchant.post(path, body, headers).expect(201);
    const other = await world.gateway.as(second.key).post(path, body, headers).expect(201);
    expect(other.body.id).not.toBe(first.body.id);
    expect(other.body.secret).not.toBe(first.body.secret);
    // The role decides before any answer is looked for.
    await ours.producer.post(path, body, headers).expect(403);
    await world.gateway.as('nobody').post(path, body, headers).expect(401);
  });

  test('of a merchant do not bring back what another one was told', async () => {
    const headers = { 'idempotency-key': absentLike('k-') };
    const { id } = await makeEndpoint(theirs);
    const path = `/v1/endpoints/${id}/rotate-secret`;
    const { body } = await theirs.merchant.post(path, {}, headers).expect(200);
    const answer = await ours.merchant.post(path, {}, headers).expect(404);
    expect(answer.text).not.toContain(body.secret);
  });
});
