import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Short to read and long to run, the longest first. */
const LONG = [
  'flow/kill',
  'protocols/message/races',
  'chaos/short',
  'protocols/message/kill',
  'protocols/tcc/kill',
  'features/resends/kill',
  'protocols/tcc/race',
  'platform/backup/backup',
  'flow/embedded-outage',
  'flow/backup',
  'app/startup',
  'protocols/message/check',
];

/**
 * Where no run has left its times behind, vitest begins with the largest files. Ours that take
 * longest are small: one of them would come last, and keep one worker busy while the other has
 * nothing left to do.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const index = LONG.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return index === -1 ? LONG.length : index;
    };
    // Stable: the others keep their order.
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
