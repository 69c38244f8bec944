import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { testGateway } from '../support/gateway.ts';
import { startReceiver } from '../support/receiver.ts';

test('during a rotation both secrets verify what a receiver got, afterwards only the new one', async () => {
  const gateway = await testGateway();
  const receiver = await startReceiver();
  try {
    const merchant = await gateway.merchant();
    const { body: endpoint } = await merchant.api
      .post(`/v1/merchants/${merchant.id}/endpoints`, { url: receiver.url() })
      .expect(201);
    const { body: rotated } = await merchant.api
      .post(`/v1/endpoints/${endpoint.id}/rotate-secret`, { overlapSeconds: 3600 })
      .expect(200);
    const event = { merchantId: merchant.id, type: 'a.b', businessKey: 'k', payload: { n: 1 } };

    await gateway.operator.post('/v1/notifications', event).expect(202);
    const [during] = await receiver.waitFor(1);
    const verify = (secret: string, request = during) =>
      new Webhook(secret).verify(request?.body ?? '', request?.headers as Record<string, string>);
    expect(verify(endpoint.secret)).toMatchObject({ data: { n: 1 } });
    expect(verify(rotated.secret)).toMatchObject({ data: { n: 1 } });

    await gateway.db.database.prisma.$executeRaw`
      UPDATE endpoint SET previous_secret_expires_at = postrider_now() WHERE id = ${endpoint.id}`;
    await gateway.operator.post('/v1/notifications', event).expect(202);
    const after = (await receiver.waitFor(2))[1];
    expect(verify(rotated.secret, after)).toMatchObject({ data: { n: 1 } });
    expect(() => verify(endpoint.secret, after)).toThrow();
  } finally {
    await gateway.close();
    await receiver.close();
  }
});
