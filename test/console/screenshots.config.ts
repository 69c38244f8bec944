import { defineConfig } from 'vitest/config';

/** `npm run screenshots`: on the servers the tests run on, without being one of them. */
export default defineConfig({
  test: {
    include: ['test/console/screenshots.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
