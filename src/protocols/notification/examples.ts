const order = {
  merchantId: 'm_1001',
  type: 'payment.succeeded',
  businessKey: 'ORDER-20261122-0001',
  eventId: 'evt-7f3',
  queue: 'payments',
  result: { status: 'SUCCESS', version: 2, amount: '100.00', currency: 'CNY' },
  occurredAt: '2026-11-22T08:00:00.000Z',
};

const summary = {
  id: 'dlv_01m81swkggesnbwkwy47zvky41',
  endpointId: 'ep_01m81sv3c2f0kb8m0c8yq1hs2a',
  url: 'https://shop.example/hooks/payments',
  status: 'pending',
  reason: null,
  cycle: 1,
  attemptCount: 2,
  nextAttemptAt: '2026-11-22T08:00:31.612Z',
  deadlineAt: '2026-11-23T08:00:00.214Z',
};

/** One order as the producer sends it, as it is shown, and on its way: what `/docs` shows. */
export const examples = {
  input: { ...order, payload: { channel: 'card', payer: 'u_2087' } },
  notification: {
    id: 'ntf_01m81swkggesnbwkwy47zvky40',
    ...order,
    status: 'pending',
    acceptedAt: '2026-11-22T08:00:00.214Z',
    deliveries: [summary],
  },
  delivery: {
    ...summary,
    notificationId: 'ntf_01m81swkggesnbwkwy47zvky40',
    merchantId: order.merchantId,
    type: order.type,
    businessKey: order.businessKey,
    queue: order.queue,
    policyVersion: 3,
    acceptedAt: '2026-11-22T08:00:00.214Z',
    settledAt: null,
  },
  attempt: {
    id: 'att_01m81sx2h7f1vr8d3w9k6n5b0q',
    number: 2,
    cycle: 1,
    trigger: 'ladder',
    resentBy: null,
    startedAt: '2026-11-22T08:00:15.401Z',
    durationMs: 211,
    outcome: 'http_status',
    statusCode: 500,
    responseExcerpt: 'our database is down',
    remoteAddress: '203.0.113.7',
    error: null,
  },
};
