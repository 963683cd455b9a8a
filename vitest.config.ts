import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'models/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/support/real-services.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // onnxruntime reports to its maker unless told not to; in the service the jail sees to that.
    env: { ORT_DISABLE_TELEMETRY: '1' },
  },
})
