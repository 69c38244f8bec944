/** What counts as success besides a 2xx status. */
export type SuccessRule = {
  body: 'any' | { equals: string } | { json: { path: string; equals: JsonScalar } };
};

type JsonScalar = string | number | boolean | null;

/** The ladder's part of a policy: when attempts are due, and when they stop. */
export interface LadderRules {
  /** Entry n is the delay in seconds before attempt n, from the end of the one before. */
  ladderSeconds: readonly number[];
  /** Seconds from acceptance after which no attempt starts. */
  deadlineSeconds: number;
  /** 0..1: a delay is lengthened by at most this share of itself. */
  jitter: number;
  /** The longest that an attempt may take, ms. */
  timeoutMs: number;
}

/** One immutable version of a queue's rules. */
export interface QueueRules extends LadderRules {
  queue: string;
  version: number;
  preset: string | null;
  success: SuccessRule;
  supersede: boolean;
  maxInFlightPerEndpoint: number;
  ratePerSecondPerEndpoint: number | null;
  /** Attempts at once in one worker process. */
  concurrency: number;
}
