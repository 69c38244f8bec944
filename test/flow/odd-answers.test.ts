import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openScene, type Scene } from '../protocols/message/scene.ts';
import { becomes } from '../protocols/tcc/participants.ts';
import { ODD_ANSWERS, sayOddly } from '../support/odd-answers.ts';
import { until } from '../support/until.ts';

const CHECKED = '{"status":"committed"}';
const REFUSED = 'HTTP/1.1 409 Conflict\r\ncontent-length: 0\r\n\r\n';

let scene: Scene;
let server: Server;
/** The first part of a path is an odd answer's place in the table. */
let urlOf: (place: number, rest: string) => string;

beforeAll(async () => {
  scene = await openScene();
  server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      const [, place, rest = ''] = /^POST \/(\d+)(\S*) /.exec(chunk.toString('latin1')) ?? [];
      const odd = ODD_ANSWERS[Number(place)];
      if (odd === undefined) return;
      if (rest === '/refuse') socket.write(REFUSED);
      else sayOddly(odd, rest === '/check' ? CHECKED : 'ok')(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  urlOf = (place, rest) => `http://127.0.0.1:${port}/${place}${rest}`;
});
afterAll(async () => {
  await scene.close();
  server.close();
});

const branch = (place: number, branchId: string, tried: string) => ({
  branchId,
  tryUrl: urlOf(place, tried),
  confirmUrl: urlOf(place, '/confirm'),
  cancelUrl: urlOf(place, '/cancel'),
  payload: {},
});

async function transaction(branches: object[]): Promise<string> {
  const given = { businessKey: 'ORDER-1', mode: 'managed', branches };
  return (await scene.producer.api.post('/v1/transactions', given).expect(201)).body.gid;
}

const TABLE = ODD_ANSWERS.map((odd, place) => ({ ...odd, place }));
/** What waits for the time to be up waits for as long everywhere: once is enough. */
const QUICK = TABLE.filter(({ waits }) => waits !== true);

test.each(TABLE)('a notification is delivered by $name', async ({ place, statusCode }) => {
  const { body } = await scene.producer.api
    .post('/v1/notifications', {
      merchantId: scene.merchant.id,
      type: 'order.paid',
      businessKey: 'ORDER-1',
      queue: 'quick',
      payload: {},
      notifyUrl: urlOf(place, '/hook'),
    })
    .expect(202);
  const path = `/v1/deliveries/${body.deliveries[0].id}`;
  const read = async () => (await scene.gateway.operator.get(path).expect(200)).body;
  await until(async () => (await read()).status === 'delivered');
  expect(await read()).toMatchObject({ attemptCount: 1 });
  const { data } = (await scene.gateway.operator.get(`${path}/attempts`).expect(200)).body;
  expect(data).toMatchObject([{ outcome: 'success', statusCode, error: null }]);
});

test.each(QUICK)('an endpoint passes its test by $name', async ({ place, statusCode }) => {
  const given = { url: urlOf(place, '/hook'), types: ['nothing.of.this'] };
  const { id } = (
    await scene.merchant.api.post(`/v1/merchants/${scene.merchant.id}/endpoints`, given).expect(201)
  ).body;
  const { body } = await scene.merchant.api.post(`/v1/endpoints/${id}/test`, {}).expect(200);
  expect(body).toMatchObject({ outcome: 'success', statusCode });
});

test.each(QUICK)('a try and a confirm are done by $name', async ({ place }) => {
  const gid = await transaction([branch(place, 'odd', '/try')]);
  const { branches } = await becomes(scene.producer.api, gid, 'confirmed');
  expect(branches[0].calls).toMatchObject([
    { op: 'try', attemptCount: 1 },
    { op: 'confirm', attemptCount: 1 },
  ]);
});

test.each(QUICK)('a cancel is done by $name', async ({ place }) => {
  const gid = await transaction([branch(place, 'odd', '/try'), branch(place, 'no', '/refuse')]);
  const { branches } = await becomes(scene.producer.api, gid, 'cancelled');
  expect(branches[0].calls).toMatchObject([{ op: 'try' }, { op: 'cancel', attemptCount: 1 }]);
});

test('a check-back is answered by each that has a body', async () => {
  const asked = QUICK.filter(({ statusCode }) => statusCode === 200);
  const ids = await Promise.all(
    asked.map(async ({ place }) => {
      const { id } = await scene.prepare({ checkUrl: urlOf(place, '/check') });
      return id as string;
    }),
  );
  const messages = await scene.nextChecks(ids, 1);
  // Its status may have moved on to sent or completed; only a confirmed one has a notification.
  expect(messages).toMatchObject(
    asked.map(() => ({ decidedBy: 'check', notificationId: expect.any(String) })),
  );
});
