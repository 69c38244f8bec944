const endpoint = {
  url: 'https://shop.example/hooks/payments',
  types: ['payment.*'],
  queue: 'payments',
  description: 'Order service',
  maxInFlight: 10,
};

const keyView = {
  id: 'key_01m81sqz0nfb5s7d2t4xh6k9cw',
  role: 'producer',
  merchantId: null,
  name: 'payments service',
  calls: ['notifications:read', 'notifications:write'],
  merchants: ['m_1001'],
  networks: ['192.0.2.0/24'],
  createdAt: '2026-11-22T07:31:02.118Z',
  expiresAt: '2027-02-20T07:31:02.118Z',
  lifetimeDays: 90,
  rotatedAt: null,
  previousKeyExpiresAt: null,
  revokedAt: null,
  lastUsedAt: null,
};

const endpointView = {
  id: 'ep_01m81sv3c2f0kb8m0c8yq1hs2a',
  merchantId: 'm_1001',
  ...endpoint,
  events: [],
  headers: {},
  body: 'envelope',
  format: 'standard',
  language: 'en',
  hasFormatSecret: false,
  ratePerSecond: null,
  status: 'active',
  disabledReason: null,
  circuit: { state: 'closed', openUntil: null },
  previousSecretExpiresAt: null,
  duplicates: [],
  createdAt: '2026-11-22T07:32:40.006Z',
};

const merchantView = { id: 'm_1001', name: 'Tea House', createdAt: '2026-11-22T07:30:11.950Z' };

/** A merchant, its endpoint and a producer's key: what `/docs` shows. The secrets are none. */
export const examples = {
  createMerchant: { id: 'm_1001', name: 'Tea House' },
  merchantView,
  createdMerchant: { ...merchantView, key: 'pr_merchant_EXAMPLE', secret: 'whsec_EXAMPLE' },
  createEndpoint: endpoint,
  patchEndpoint: { maxInFlight: 5, description: 'Order service, half speed' },
  endpointView,
  createdEndpoint: { ...endpointView, secret: 'whsec_EXAMPLE' },
  createKey: {
    role: 'producer',
    name: 'payments service',
    calls: ['notifications:read', 'notifications:write'],
    merchants: ['m_1001'],
    networks: ['192.0.2.0/24'],
    expiresInDays: 90,
  },
  keyView,
  ownKey: { ...keyView, isReplaced: false },
  rotatedKey: {
    key: 'pr_producer_EXAMPLE',
    expiresAt: '2027-04-21T07:31:02.118Z',
    previousKeyExpiresAt: '2027-01-22T07:31:02.118Z',
  },
  createdKey: { ...keyView, key: 'pr_producer_EXAMPLE', callbackSecret: 'whsec_EXAMPLE' },
};
