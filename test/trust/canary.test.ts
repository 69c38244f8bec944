import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { ownRedis } from '../support/backends.ts';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import type { RedisServer } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { databaseValues, openCanaries, redisContents } from './canaries.ts';
import {
  type Cast,
  databaseErrors,
  endpoints,
  enter,
  mistakes,
  notifications,
  otherProtocols,
  type Stage,
  timerErrors,
} from './canary-scene.ts';
import { type Client, insideOf, openClient } from './client.ts';
import { readDocument } from './document.ts';

/** Where something that is no secret is kept in clear: there, and nowhere else. */
const PLACES: Record<string, readonly string[]> = {
  payload: ['notification.body'],
  'payload of a message': ['message.payload', 'notification.body'],
  'payload of a branch': ['tcc_branch.payload'],
  'query of an endpoint': ['endpoint.url'],
  'query of a notifyUrl': ['delivery.url', 'notification.notify_url'],
  'query of a checkUrl': ['delivery.url', 'message.check_url'],
  'query of a branch': ['delivery.url', 'tcc_branch.cancel_url', 'tcc_branch.confirm_url'],
  'answer of a receiver': ['attempt.response_excerpt'],
};

const SECOND = 1000;

for (const backend of ['postgres', 'redis'] as const) {
  const isMissing = backend === 'redis' && inject('redisUrl') === null;
  describe.skipIf(isMissing)(`what nobody may see [${backend}]`, () => {
    let gateway: TestGateway;
    let client: Client;
    let receiver: Receiver;
    let redisServer: RedisServer | null = null;
    let redis: Redis | null = null;
    let stage: Stage;
    let cast: Cast;
    /** What GET may be asked about: values for the parameters of paths. */
    const things: Record<string, string> = { name: 'canary', businessKey: 'K' };
    const canaries = openCanaries();
    const logged: string[] = [];
    const errors: string[] = [];
    /** Everything that was ever said to Redis. */
    const said: string[] = [];

    beforeAll(async () => {
      canaries.add('operator key', OPERATOR_KEY);
      if (backend === 'redis') {
        redisServer = await ownRedis();
        redis = new Redis(redisServer.url);
        redis.on('error', () => {});
        const monitor = await redis.monitor();
        monitor.on('error', () => {});
        monitor.on('monitor', (_time: string, words: string[]) => said.push(words.join(' ')));
      }
      receiver = await startReceiver();
      gateway = await testGateway({
        ...(redisServer && { backend: { kind: 'redis', url: redisServer.url } }),
        onLog: (line) => logged.push(line),
      });
      client = openClient(() => gateway.url, 5);
      const document = await readDocument(gateway.url);
      const logs = (text: string) => until(() => logged.some((line) => line.includes(text)));
      stage = { gateway, receiver, canaries, document, redisServer, call, logs };
    });
    afterAll(async () => {
      redis?.disconnect();
      await client?.close();
      await gateway?.close();
      await receiver?.close();
      // Ends the connection that monitors, too.
      await redisServer?.stop();
    });

    async function call(
      ...[key, method, target, body, headers]: Parameters<Stage['call']>
    ): ReturnType<Stage['call']> {
      const answer = await client.ask({
        method,
        target,
        headers: {
          ...(key !== null && { authorization: `Bearer ${key}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const isJson = `${answer.headers['content-type']}`.includes('json') && answer.text !== '';
      if (answer.status >= 400) {
        expect(insideOf(answer.text)).toEqual([]);
        errors.push(`${answer.text}\n${JSON.stringify(answer.headers)}`);
      }
      return { status: answer.status, body: isJson ? JSON.parse(answer.text) : null };
    }

    test('all that can happen happens', { timeout: 60 * SECOND }, async () => {
      cast = await enter(stage);
      const endpointId = await endpoints(stage, cast);
      const { id, deliveries } = await notifications(stage, cast);
      Object.assign(things, {
        merchantId: cast.merchantId,
        'endpoints/id': endpointId,
        'notifications/id': id,
        'deliveries/id': deliveries[0]?.id,
      });
      await otherProtocols(stage, cast);
      await mistakes(stage, cast);
      // Each has had its two attempts, or waits behind an open circuit.
      const untried = `SELECT FROM delivery AS d JOIN receiver AS r ON r.id = d.receiver_id
        WHERE status IN ('pending', 'sending') AND attempt_count < 2 AND open_until IS NULL
          AND disabled_reason IS NULL AND owner_kind = 'notification' LIMIT 1`;
      const { pool } = gateway.db.database;
      const isDone = async () => (await pool.query(untried)).rowCount === 0;
      await until(isDone, { timeoutMs: 20 * SECOND, what: 'two attempts of everything' });
    });

    test('while deliveries wait, the timers know nothing but their names', async () => {
      const { pool } = gateway.db.database;
      const { rows } = await pool.query(`SELECT id FROM delivery WHERE status = 'pending'`);
      expect(rows.length).toBeGreaterThan(3);
      const tables = (await databaseValues(pool)).filter(([place]) => place.startsWith('bullmq.'));
      const held = redis === null ? tables.join('\n') : await redisContents(redis);
      expect(rows.some(({ id }) => held.includes(id))).toBe(true);
      expect(canaries.foundIn(held)).toEqual([]);
      expect(held).not.toContain(cast.merchantId);
    });

    test('all that can fail fails', { timeout: 60 * SECOND }, async () => {
      expect(await databaseErrors(stage, cast)).toEqual([500, 500, 500, 500]);
      await timerErrors(stage, cast);
    });

    test('no log line has them', () => {
      expect(logged.length).toBeGreaterThan(100);
      expect(logged.some((line) => JSON.parse(line).level >= 50)).toBe(true);
      expect(logged.filter((line) => canaries.foundIn(line).length > 0)).toEqual([]);
    });

    test('no error answer has them', () => {
      expect(errors.length).toBeGreaterThan(40);
      expect(errors.filter((text) => canaries.foundIn(text).length > 0)).toEqual([]);
    });

    if (backend === 'redis') {
      test('nothing that was said to Redis has them', () => {
        expect(said.some((words) => words.includes('dlv_'))).toBe(true);
        expect(said.filter((words) => canaries.foundIn(words).length > 0)).toEqual([]);
      });
    }

    test('the database has them sealed, hashed, or in their one place', async () => {
      const found: Record<string, string[]> = {};
      for (const [place, text] of await databaseValues(gateway.db.database.pool)) {
        for (const what of canaries.foundIn(text)) {
          found[what] = [...new Set([...(found[what] ?? []), place])].sort();
        }
      }
      expect(found).toEqual(
        Object.fromEntries(Object.keys(found).map((what) => [what, PLACES[what]])),
      );
      // Whoever looks for them finds them.
      expect(Object.keys(found)).toEqual(
        expect.arrayContaining(['payload', 'query of an endpoint']),
      );
    });

    test('nobody is told a key or a secret a second time', async () => {
      for (const { method, path } of stage.document.operations) {
        if (method !== 'GET') continue;
        const target = path.replace(
          /(\w+\/)\{(\w+)\}/g,
          (_text, of, name) => of + (things[`${of}${name}`] ?? things[name] ?? '2026-11-22'),
        );
        for (const query of ['', `?merchantId=${cast.merchantId}`]) {
          const headers = { authorization: `Bearer ${OPERATOR_KEY}` };
          const { text } = await client.ask({ method, target: target + query, headers });
          const secrets = canaries.foundIn(text).filter((what) => PLACES[what] === undefined);
          expect({ path, secrets }).toEqual({ path, secrets: [] });
        }
      }
    });
  });
}
