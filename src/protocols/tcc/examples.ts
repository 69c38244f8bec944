const stock = {
  branchId: 'stock',
  tryUrl: 'https://stock.example/tcc/try',
  confirmUrl: 'https://stock.example/tcc/confirm',
  cancelUrl: 'https://stock.example/tcc/cancel',
  payload: { sku: 'tea-200g', count: 1 },
};
const points = {
  branchId: 'points',
  tryUrl: 'https://points.example/tcc/try',
  confirmUrl: 'https://points.example/tcc/confirm',
  cancelUrl: 'https://points.example/tcc/cancel',
  payload: { account: 'u_2087', points: 100 },
};
const asked = {
  gid: 'order-20261122-0001',
  businessKey: 'ORDER-20261122-0001',
  mode: 'managed',
  timeoutSeconds: 60,
};
const registered = {
  status: 'registered',
  failures: 0,
  resolvedReason: null,
  registeredAt: '2026-11-22T08:00:00.214Z',
  finishedAt: null,
  calls: [],
};

/** An order over two services: what `/docs` shows. */
export const examples = {
  branch: stock,
  input: { ...asked, branches: [stock, points] },
  view: {
    ...asked,
    producer: 'key_01m81sqz0nfb5s7d2t4xh6k9cw',
    status: 'trying',
    decision: null,
    cause: null,
    reason: null,
    createdAt: '2026-11-22T08:00:00.214Z',
    timeoutAt: '2026-11-22T08:01:00.214Z',
    decidedAt: null,
    suspendedAt: null,
    finishedAt: null,
    branches: [
      { ...stock, ...registered },
      { ...points, ...registered },
    ],
  },
};
