import { defineConfig } from "vitest/config"
import SlowFirst from "./test/support/slow-first.js"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "testbed/**/*.test.ts"],
    // Far beyond what any takes where nothing else runs: a limit that a busy machine reaches finds no faults.
    testTimeout: 120_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    pool: "forks",
    sequence: { sequencer: SlowFirst },
    // No test asks the world for DHT nodes, nor the local network for anything.
    env: { AT_DHT_BOOTSTRAP: "", AT_NO_LSD: "1" },
    setupFiles: ["./test/support/long-samples.ts"],
    reporters: ["default", "./test/support/matrix/reporter.ts", "./test/support/closing-line-reporter.ts"],
  },
})
