import { at } from '../features/reconciliations/books.ts';
import type { TestGateway } from '../support/gateway.ts';
import type { Receiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

/** A merchant's day in both books, which do not quite agree. */
export interface Day {
  merchant: Awaited<ReturnType<TestGateway['merchant']>>;
  endpointId: string;
  date: string;
  /** The merchant's own list. */
  csv: string;
}

const HEADER = 'businessKey,status,amount,currency';

/**
 * Orders of a past day, delivered. Of them the merchant has lost `lost-1` and `lost-2`, has another
 * amount for `amount`, another status for `status`, and one that we never heard of.
 *
 * @param agreed so many are the same in both
 */
export async function playADay(
  gateway: TestGateway,
  receiver: Receiver,
  { date, id, agreed = 3 }: { date: string; id?: string; agreed?: number },
): Promise<Day> {
  receiver.answer({ status: 200 }, '/books');
  const merchant = await gateway.merchant(id);
  const { body: endpoint } = await gateway.operator
    .post(`/v1/merchants/${merchant.id}/endpoints`, { url: receiver.url('/books') })
    .expect(201);
  const order = (businessKey: string, amount: string, more: object = {}) => ({
    merchantId: merchant.id,
    type: 'payment.succeeded',
    businessKey,
    result: { status: 'SUCCESS', version: 1, amount, currency: 'CNY', ...more },
    payload: { orderId: businessKey },
  });
  const same = Array.from({ length: agreed }, (_, n) => [`ORDER-${1001 + n}`, `${n + 1}5.80`]);
  const notifications = [
    ...same.map(([key = '', amount = '']) => order(key, amount)),
    order('lost-1', '100.00'),
    order('lost-2', '12500.00'),
    order('amount', '1280.00'),
    order('status', '64.50', { status: 'REFUNDED', version: 2 }),
    // Late: version 2 came before it.
    order('status', '64.50'),
  ];
  await gateway.operator.post('/v1/notifications/batch', { notifications }).expect(202);
  await until(async () => {
    const { body } = await merchant.api.get('/v1/deliveries?status=delivered&limit=100');
    return body.data.length === notifications.length;
  });
  // The middle of the day is none of its edges. What is late is late by five minutes.
  await gateway.db.database.pool.query(
    `UPDATE notification
        SET accepted_at = CASE WHEN business_key = 'status' AND result_version = 1
                               THEN $3::timestamptz ELSE $2::timestamptz END
      WHERE merchant_id = $1`,
    [merchant.id, at(date, '12:00'), at(date, '12:05')],
  );
  const csv = [
    HEADER,
    ...same.map(([key, amount]) => `${key},SUCCESS,${amount},CNY`),
    'amount,SUCCESS,1208.00,CNY',
    'status,SUCCESS,64.50,CNY',
    'unheard-of,SUCCESS,9.90,CNY',
    '',
  ].join('\n');
  return { merchant, endpointId: endpoint.id, date, csv };
}
