import { invalid, Problem } from '../../api/problem.ts';
import { PROTOCOL_QUEUES } from '../../engine/protocol-queues.ts';
import type { Rules } from './presets.ts';

const DAY_SECONDS = 86_400;
const HOUR_SECONDS = 3_600;
const MINUTE_SECONDS = 60;

/** What an operator may not go below, and the words for it. */
type Floor = [field: keyof Rules, holds: (rules: Rules) => boolean, message: string];

/** Of every protocol: what it sends it tells nobody of, least of all by itself. */
const UNTOLD: Floor = [
  'notifyProducer',
  ({ notifyProducer }) => notifyProducer === null,
  'Producers hear of notifications alone.',
];

/** Within these a callback outlasts a producer that is down for an hour. */
const CALLBACKS: readonly Floor[] = [
  ['success', ({ success }) => success.body === 'any', 'Any 2xx is a yes.'],
  ['supersede', ({ supersede }) => !supersede, 'No end makes another one worthless.'],
  [
    'ladderSeconds',
    ({ ladderSeconds }) => (ladderSeconds[0] ?? 0) <= MINUTE_SECONDS,
    'The first call after at most a minute.',
  ],
  [
    'ladderSeconds',
    ({ ladderSeconds }) => ladderSeconds.reduce((sum, seconds) => sum + seconds, 0) >= HOUR_SECONDS,
    'The rungs must last for an hour at least.',
  ],
  ['deadlineSeconds', (rules) => rules.deadlineSeconds >= HOUR_SECONDS, 'At least an hour.'],
  ['timeoutMs', ({ timeoutMs }) => timeoutMs >= 1_000, 'At least 1000 ms.'],
  ['concurrency', ({ concurrency }) => concurrency >= 10, 'At least 10.'],
  UNTOLD,
];

const BOTH: readonly Floor[] = [
  UNTOLD,
  ['success', ({ success }) => success.body === 'any', 'What an answer means is said by TCC.'],
  ['supersede', ({ supersede }) => !supersede, 'No call makes another one worthless.'],
  ['deadlineSeconds', (rules) => rules.deadlineSeconds >= DAY_SECONDS, 'At least a day.'],
  ['timeoutMs', ({ timeoutMs }) => timeoutMs >= 1_000, 'At least 1000 ms.'],
  ['concurrency', ({ concurrency }) => concurrency >= 10, 'At least 10.'],
  ['maxInFlightPerEndpoint', (rules) => rules.maxInFlightPerEndpoint >= 5, 'At least 5.'],
  [
    'ratePerSecondPerEndpoint',
    (rules) => (rules.ratePerSecondPerEndpoint ?? 1) >= 1,
    'At least 1.',
  ],
];

const FLOORS: Readonly<Record<string, readonly Floor[]>> = {
  [PROTOCOL_QUEUES.producerCallbacks]: CALLBACKS,
  [PROTOCOL_QUEUES.tccTry]: [
    [
      'ladderSeconds',
      (rules) => rules.ladderSeconds.join() === '0',
      'A try is called once, at once.',
    ],
    ...BOTH,
  ],
  [PROTOCOL_QUEUES.tccSecond]: [
    [
      'ladderSeconds',
      beginsSoon,
      'The first call after at most a minute, each further after an hour.',
    ],
    ...BOTH,
    ['ladderSeconds', lastsToTheEnd, 'The rungs must last until the deadline, to its last one.'],
  ],
};

/**
 * A decided transaction is carried on for a day at least and asked every hour at least. Operators may
 * ask sooner and for longer; what would have it suspended after a failure or two is refused.
 *
 * (Rejected: to refuse every change. Participants that are slow, or hard to reach, are what operators
 * have to be able to answer.)
 *
 * @returns why the queue cannot get these rules; null: it can
 */
export function refusedRules(queue: string, rules: Rules): Problem | null {
  const broken = FLOORS[queue]?.find(([, holds]) => !holds(rules));
  if (broken === undefined) return null;
  const [field, , message] = broken;
  return invalid(`body.${field}`, `Of the queue ${queue}: ${message}`, 'protocol_queue');
}

/** @returns 409 for what cannot be done to such a queue at all */
export function protocolQueue(detail: string): Problem {
  return new Problem(409, 'protocol_queue', detail);
}

function beginsSoon({ ladderSeconds }: Rules): boolean {
  return (
    (ladderSeconds[0] ?? 0) <= MINUTE_SECONDS &&
    ladderSeconds.every((seconds) => seconds <= HOUR_SECONDS)
  );
}

/** One rung more, as long as the last, would lie behind the deadline. */
function lastsToTheEnd({ ladderSeconds, deadlineSeconds }: Rules): boolean {
  const total = ladderSeconds.reduce((sum, seconds) => sum + seconds, 0);
  return total + (ladderSeconds.at(-1) ?? 0) >= deadlineSeconds;
}
