import { figureOf, type Phase } from './figures.ts';
import type { BenchOptions, Kind } from './options.ts';
import { measure, type Stage } from './phases.ts';
import type { Subject } from './subject.ts';

/** Said once a run or not worth a second one: they take their time whatever `--seconds` says. */
const ONCE: readonly Kind[] = ['rungs', 'drain'];
/** Where nothing is known yet of how quickly a subject delivers. */
const FIRST_GUESS_PER_SECOND = 1500;
/** A little more is filled in than will be delivered in the time. */
const HEADROOM = 1.3;
const WARM_UP_SECONDS = 3;
const WITHOUT_DELIVERY: readonly Kind[] = ['intake', 'batch', 'tcc'];

/**
 * Runs all phases. The subjects take turns within each kind and round, A B C A B C, so that a busy
 * minute of the machine hits them all, and each is warmed up before anything counts.
 */
export async function runPlan(
  options: BenchOptions,
  stage: Stage,
  subjects: readonly Subject[],
  done: (phase: Phase) => void,
): Promise<Phase[]> {
  const phases: Phase[] = [];
  const warmUp = { ...stage, seconds: Math.min(WARM_UP_SECONDS, stage.seconds) };
  for (const subject of subjects) {
    for (const kind of ['both', 'intake', 'tcc'] as const) {
      if (subject.kinds.includes(kind) && needed(kind, options)) {
        await measure(kind, warmUp, subject, FIRST_GUESS_PER_SECOND);
      }
    }
  }
  stage.nextCall = warmUp.nextCall;
  for (const kind of options.only) {
    for (let round = 1; round <= (ONCE.includes(kind) ? 1 : options.rounds); round += 1) {
      for (const subject of subjects.filter(({ kinds }) => kinds.includes(kind))) {
        const pace = paceOf(kind, subject, phases);
        const phase = {
          kind,
          subject: subject.name,
          round,
          ...(await measure(kind, stage, subject, pace)),
        };
        phases.push(phase);
        done(phase);
      }
    }
  }
  return phases;
}

/** Whatever is measured with deliveries wants receivers that are known to be good. */
function needed(kind: Kind, { only }: BenchOptions): boolean {
  if (kind === 'both') return only.some((each) => !WITHOUT_DELIVERY.includes(each));
  return only.includes(kind);
}

function paceOf(kind: Kind, subject: Subject, phases: readonly Phase[]): number {
  if (kind === 'latency') {
    return (figureOf(phases, 'both', subject.name, 'perSecond') ?? FIRST_GUESS_PER_SECOND) / 2;
  }
  const known = figureOf(phases, 'deliver', subject.name, 'perSecond');
  return HEADROOM * (known ?? FIRST_GUESS_PER_SECOND);
}
