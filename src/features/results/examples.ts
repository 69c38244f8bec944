const state = {
  notificationId: 'ntf_01m81swkggesnbwkwy47zvky40',
  type: 'payment.succeeded',
  result: { status: 'SUCCESS', version: 2, amount: '100.00', currency: 'CNY' },
  occurredAt: '2026-11-22T08:00:00.000Z',
  acceptedAt: '2026-11-22T08:00:00.214Z',
};
const latest = { ...state, payload: { channel: 'card', payer: 'u_2087' } };

/** What is known of one order: what `/docs` shows. */
export const examples = {
  businessKey: 'ORDER-20261122-0001',
  query: { businessKeys: ['ORDER-20261122-0001', 'ORDER-20261122-0002'] },
  result: {
    businessKey: 'ORDER-20261122-0001',
    merchantId: 'm_1001',
    latest,
    history: [
      state,
      {
        notificationId: 'ntf_01m81sp5t9f8jrk2e7v0b3y6xd',
        type: 'payment.processing',
        result: { status: 'PROCESSING', version: 1, amount: '100.00', currency: 'CNY' },
        occurredAt: '2026-11-22T07:59:41.000Z',
        acceptedAt: '2026-11-22T07:59:41.130Z',
      },
    ],
    deliveries: [
      {
        id: 'dlv_01m81swkggesnbwkwy47zvky41',
        notificationId: state.notificationId,
        endpointId: 'ep_01m81sv3c2f0kb8m0c8yq1hs2a',
        url: 'https://shop.example/hooks/payments',
        status: 'failed',
        reason: 'ladder_spent',
        cycle: 1,
        attemptCount: 9,
        nextAttemptAt: null,
        deadlineAt: '2026-11-23T08:00:00.214Z',
      },
    ],
  },
  found: {
    data: [
      { businessKey: 'ORDER-20261122-0001', found: true, latest },
      { businessKey: 'ORDER-20261122-0002', found: false },
    ],
    remaining: [],
  },
};
