const rules = {
  ladderSeconds: [0, 15, 15, 30, 180, 600, 1200, 1800, 3600],
  deadlineSeconds: 86_400,
  success: { body: { equals: 'success' } },
};

/** A queue as it is made and as it is shown: what `/docs` shows. */
export const examples = {
  putQueue: rules,
  queueView: {
    name: 'payments',
    version: 3,
    preset: null,
    ...rules,
    jitter: 0.1,
    timeoutMs: 15_000,
    supersede: false,
    maxInFlightPerEndpoint: 20,
    ratePerSecondPerEndpoint: null,
    concurrency: 200,
  },
};
