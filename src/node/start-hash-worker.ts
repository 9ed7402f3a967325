import type { Worker } from "node:worker_threads"

/** MB. A worker keeps no more than messages: without limits its heap grows to dozens of megabytes of garbage. */
const WORKER_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 }

/**
 * Starts a worker thread that keeps nothing alive by itself. `url`: where the built `hash-worker.cjs` is; default: beside this file.
 *
 * @throws where Node was told to allow none, or where a bundler left no trace of where this file is
 */
export function startHashWorker(url = new URL("./hash-worker.cjs", import.meta.url)): Worker {
  const threads = process.getBuiltinModule("node:worker_threads")
  // Only what the worker needs: a test runner's or loader's switches are not for it, and copying `env` takes time.
  const worker = new threads.Worker(url, {
    name: "academictorrents-hash",
    env: threads.SHARE_ENV,
    execArgv: [],
    resourceLimits: WORKER_LIMITS,
  })
  worker.unref()
  return worker
}
