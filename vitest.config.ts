import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    pool: 'forks',
    maxWorkers: 2,
    // No test reaches the network by mistake; those of fetching have a server of their own and say so.
    env: { HYPEVOLVE_OFFLINE: '1' },
  },
})
