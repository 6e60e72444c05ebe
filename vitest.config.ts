import { defineConfig } from 'vitest/config';

/** What does not fit CI's time, or needs more than CI has; `hack/test --all` sets the variable. */
const LONG = process.env['DAVIT_TEST_ALL'] === '1' ? [] : ['test/e2e/**/*.all.test.ts'];

/**
 * Three projects: `unit` needs nothing but Node; `integration` needs root and a real containerd;
 * `e2e` drives the built daemon as a black box. The last two share one machine, so they run serially.
 */
export default defineConfig({
  test: {
    retry: 0,
    passWithNoTests: false,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/bench/**/*.test.ts'],
          exclude: ['src/**/*.integration.test.ts'],
          retry: 0,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['src/**/*.integration.test.ts', 'test/integration/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          retry: 0,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: LONG,
          globalSetup: ['test/e2e/support/global-setup.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 180_000,
          retry: 0,
        },
      },
    ],
  },
});
