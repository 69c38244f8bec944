import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';
import { PROJECTS } from './test/support/projects.ts';

export default defineConfig({
  test: {
    // npm run test:unit, or --project integration, browser, proof; without: all of them.
    projects: Object.entries(PROJECTS).map(([name, include]) => ({
      extends: true,
      test: { name, include },
    })),
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/leaks.ts'],
    // A process for each file: what one leaks or crashes is its own, and is seen.
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ['default'],
  },
});
