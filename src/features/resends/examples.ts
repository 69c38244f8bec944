const asked = {
  filter: {
    merchantId: ['m_1001'],
    status: ['failed'],
    from: '2026-11-22T00:00:00.000Z',
  },
  reason: 'their database was down until noon',
  ratePerSecond: 50,
};

/** What failed on one morning, sent again: what `/docs` shows. */
export const examples = {
  input: asked,
  view: {
    id: 'rsd_01m82c7v5kf3ntw8h1q4z0m6re',
    status: 'running',
    merchantId: null,
    ...asked,
    force: false,
    createdBy: { keyId: 'key_01m81sqz0nfb5s7d2t4xh6k9cw', name: 'night shift' },
    matched: 1240,
    resent: 350,
    skipped: 2,
    failed: 0,
    error: null,
    startedAt: '2026-11-22T12:04:10.882Z',
    finishedAt: null,
  },
  count: { matched: 1240 },
};
