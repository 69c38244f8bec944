import { expect, inject, test } from 'vitest';
import { runBench } from '../../bench/run/bench.ts';
import { FLOOR, postriderName } from '../../bench/run/figures.ts';
import { readOptions } from '../../bench/run/options.ts';
import { friendly } from '../support/hostile-settings.ts';

test('one second of intake and delivery at once is measured from end to end', async () => {
  const { adminUrl } = inject('postgres');
  const options = readOptions(
    `--seconds 1 --rounds 1 --only both --backend postgres --rows 100 --database ${friendly(adminUrl)}`.split(
      ' ',
    ),
  );
  const said: string[] = [];
  const results = await runBench(
    options,
    '0.0.0',
    ({ subject }) => said.push(subject),
    new AbortController().signal,
  );
  const subjects = [
    ...(inject('redisUrl') === null ? [] : [FLOOR]),
    postriderName('postgres', 100),
  ];
  expect(said).toEqual(subjects);
  expect(results.phases.map(({ subject }) => subject)).toEqual(subjects);
  for (const { figures, use } of results.phases) {
    expect(figures).toMatchObject({ failed: 0, missing: 0, repeated: 0 });
    expect(figures.acceptedPerSecond).toBeGreaterThan(0);
    expect(figures.donePerSecond).toBeGreaterThan(0);
    // The account of CPU is there, and is of the right processes.
    if (process.platform === 'linux') {
      expect(use.cores.subject).toBeGreaterThan(0);
      expect(use.cores.postgres).toBeGreaterThan(0);
      expect(use.rssMb).toBeGreaterThan(20);
    }
  }
});
