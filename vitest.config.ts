import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "testbed/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    pool: "forks",
    // No test asks the world for DHT nodes.
    env: { AT_DHT_BOOTSTRAP: "" },
    reporters: ["default", "./test/support/matrix/reporter.ts", "./test/support/closing-line-reporter.ts"],
  },
})
