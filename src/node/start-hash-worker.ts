import type { Worker } from "node:worker_threads"

/** MB. A worker keeps no more than messages: without limits its heap grows to dozens of megabytes of garbage. */
const WORKER_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 }

/** Starts a worker thread that keeps nothing alive by itself. @throws where Node was told to allow none */
export function startHashWorker(url: URL): Worker {
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
