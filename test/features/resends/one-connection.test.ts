import { pino } from 'pino';
import { expect, test } from 'vitest';
import { startResending } from '../../../src/features/resends/run.ts';
import { openDatabase } from '../../../src/platform/db/client.ts';
import { plainServer } from '../../../src/platform/db/server.ts';
import { assignSkipped } from '../../../src/protocols/notification/assign-skipped.ts';
import { testGateway } from '../../support/gateway.ts';
import { startReceiver } from '../../support/receiver.ts';
import { jobWhen } from './failed.ts';

test('a page that finds listeners needs no connection beside its own', async () => {
  const gateway = await testGateway({ roles: ['api'] });
  const receiver = await startReceiver();
  const small = openDatabase(plainServer(gateway.db.url), { maxConnections: 1 });
  try {
    const { id: merchantId } = await gateway.merchant();
    for (const businessKey of ['one', 'two', 'three']) {
      await gateway.operator
        .post('/v1/notifications', { merchantId, type: 'late.heard', businessKey, payload: {} })
        .expect(202);
    }
    for (const path of ['/a', '/b']) {
      const endpoint = { url: receiver.url(path) };
      await gateway.operator.post(`/v1/merchants/${merchantId}/endpoints`, endpoint).expect(201);
    }
    const { body: job } = await gateway.operator
      .post('/v1/resends', { filter: { merchantId, status: 'skipped' }, reason: 'they listen now' })
      .expect(202);
    const resending = startResending({
      database: small,
      wake: async () => {},
      adopt: (tx, orphan) => assignSkipped(tx, { wakeReceiver: async () => {} }, orphan),
      log: pino({ level: 'silent' }),
    });
    const done = await jobWhen(
      gateway.operator,
      job.id,
      ({ status }: { status: string }) => status === 'completed',
    );
    await resending.close();
    expect(done).toMatchObject({ matched: 3, resent: 3, failed: 0, skipped: 0 });
    const { body } = await gateway.operator.get(`/v1/deliveries?merchantId=${merchantId}`);
    expect(body.data).toHaveLength(6);
  } finally {
    await small.close();
    await gateway.close();
    await receiver.close();
  }
}, 60_000);
