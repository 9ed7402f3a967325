import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import { bounded } from "./lib/bounds.js"
import { keep, readCorpus } from "./lib/corpus.js"
import { Coverage } from "./lib/coverage.js"
import { explore } from "./lib/explore.js"
import { LastInput } from "./lib/last-input.js"
import { minimise } from "./lib/minimise.js"
import { TARGETS } from "./targets/index.js"

// npm run fuzz -- [TARGET …] [--seconds N] [--seed S]: a thread for each target, one after the other. README.md has more.

const CORPUS = "test/fuzz/corpus"
const DEFAULT_SECONDS = "60"
/** ms of processor time without a new input until the one being tried counts as endless. */
const PATIENCE = 20_000

interface Job {
  readonly name: string
  readonly seed: number
  readonly seconds: number
  readonly corpus: readonly Uint8Array[]
  readonly shared: SharedArrayBuffer
}

/** What a thread found. */
interface Report {
  readonly tried: number
  readonly kept: number
  readonly branches: number
  readonly failed?: { readonly input: Uint8Array; readonly why: string }
}

function work({ name, seed, seconds, corpus, shared }: Job): Report {
  const target = TARGETS.find((one) => one.name === name)
  if (target === undefined) throw new Error(`there is no target ${name}`)
  const last = new LastInput(shared)
  const coverage = new Coverage()
  const end = performance.now() + seconds * 1000
  const goesOn = (): boolean => performance.now() < end
  const { finding, ...counts } = explore({
    target,
    seed,
    corpus,
    coverage,
    goesOn,
    onInput: (input) => last.set(input),
  })
  const counted = { ...counts, branches: coverage.branches }
  if (finding === undefined) return counted
  const failsAlike = (input: Uint8Array): boolean => {
    last.set(input)
    try {
      bounded(target.check, input)
    } catch (error) {
      return kindOf(error) === kindOf(finding.error)
    }
    return false
  }
  const input = failsAlike(finding.input) ? minimise(finding.input, failsAlike) : finding.input
  const why = finding.error instanceof Error ? (finding.error.stack ?? String(finding.error)) : String(finding.error)
  return { ...counted, failed: { input, why } }
}

/** Its kind and its first words: another fault would be another finding. */
function kindOf(error: unknown): string {
  return error instanceof Error ? `${error.name} ${error.message.replace(/[0-9"{[].*/s, "")}` : String(error)
}

/** Runs a target in a thread of its own, and ends it when an input does not end. */
async function supervise(name: string, seed: number, seconds: number): Promise<Report> {
  const last = new LastInput()
  const corpus = (await readCorpus(CORPUS, name)).map(({ input }) => input)
  const job: Job = { name, seed, seconds, corpus, shared: last.shared }
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: job })
  let seen = 0
  let since = process.cpuUsage()
  return new Promise((resolve, reject) => {
    const watch = setInterval(() => {
      if (last.count !== seen) {
        seen = last.count
        since = process.cpuUsage()
      } else if (process.cpuUsage(since).user > 1000 * PATIENCE) {
        const failed = { input: last.input, why: "it does not end" }
        finish(() => resolve({ tried: seen, kept: 0, branches: 0, failed }))
      }
    }, 500)
    const finish = (then: () => void): void => {
      clearInterval(watch)
      worker.terminate().then(then, reject)
    }
    worker.once("message", (report: Report) => finish(() => resolve(report)))
    worker.once("error", (error) => finish(() => reject(error)))
  })
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: "string", default: DEFAULT_SECONDS },
      seed: { type: "string", default: String(Date.now() % 2 ** 32) },
    },
  })
  const known = TARGETS.map(({ name }) => name)
  const unknown = positionals.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`there is no target ${unknown}; there are ${known.join(", ")}`)
  const seed = Number(values.seed)
  console.log(`seed ${seed}`)
  for (const name of positionals.length > 0 ? positionals : known) {
    const { tried, kept, branches, failed } = await supervise(name, seed, Number(values.seconds))
    console.log(
      `${name}: ${tried} inputs, ${branches} branches, ${kept} kept, ${failed === undefined ? "nothing found" : "FAILED"}`,
    )
    if (failed === undefined) continue
    process.exitCode = 1
    const path = await keep(CORPUS, name, failed.input)
    console.log(`${failed.why}\n  kept as ${path} (${failed.input.length} bytes)`)
  }
}

if (isMainThread) await main()
else parentPort!.postMessage(work(workerData as Job))
