import type { Worker } from "node:worker_threads"
import type { FromWorker, ToWorker } from "./hash-messages.js"
import type { SharedMemories } from "./shared-memories.js"
import { startHashWorker } from "./start-hash-worker.js"

/** What is asked of a thread in one message. */
export interface HashJob {
  /** Views of shared memory. */
  readonly pieces: readonly Uint8Array<SharedArrayBuffer>[]
  /** Of all of them together. */
  readonly bytes: number
  /** `places`: three numbers for each piece, its memory's, the offset and the length in it. */
  message(places: number[]): ToWorker
  settle(answer: FromWorker): void
  reject(error: Error): void
  /** Does without a thread what can be done without one. */
  runHere(): void
}

/** What a thread's owner hears. */
export interface HashThreadOwner {
  /** A job is done: there is room for another. */
  onRoom(): void
  /** The thread died by itself and left `jobs` undone. */
  onDeath(thread: HashThread, error: Error, jobs: readonly HashJob[]): void
}

/** One worker thread and the jobs it has. It never keeps the process alive unless it has work. */
export class HashThread {
  readonly #worker: Worker
  readonly #memories: SharedMemories
  readonly #known = new Set<number>()
  readonly #jobs: HashJob[] = []
  #bytes = 0
  #ended = false

  constructor(url: URL | undefined, memories: SharedMemories, owner: HashThreadOwner) {
    this.#memories = memories
    this.#worker = startHashWorker(url)
    this.#worker.on("message", (answer: FromWorker) => {
      this.#settle(answer)
      owner.onRoom()
    })
    const die = (error: Error): void => {
      if (this.#ended) return
      owner.onDeath(this, error, this.#end())
    }
    this.#worker.on("error", die)
    // It lives on, and may be at work in memory that the caller would take back.
    this.#worker.on("messageerror", () => void this.#worker.terminate())
    this.#worker.on("exit", (code) => die(new Error(`it ended with code ${code}`)))
  }

  /** Jobs it has not answered yet. */
  get jobs(): number {
    return this.#jobs.length
  }

  /** Bytes in those. */
  get bytes(): number {
    return this.#bytes
  }

  run(job: HashJob): void {
    const places: number[] = []
    for (const { buffer, byteOffset, byteLength } of job.pieces) {
      const id = this.#memories.idOf(buffer)
      if (!this.#known.has(id)) {
        this.#known.add(id)
        this.#post({ type: "memory", id, memory: buffer })
      }
      places.push(id, byteOffset, byteLength)
    }
    // First: it may throw, and a job that was never told would take the next one's answer.
    const message = job.message(places)
    this.#bytes += job.bytes
    if (this.#jobs.push(job) === 1) this.#worker.ref()
    this.#post(message)
  }

  /** The memory of that number is gone on our side. */
  forget(id: number): void {
    if (this.#known.delete(id)) this.#post({ type: "forget", id })
  }

  /** Stops it; what it had is rejected with `error`. */
  async close(error: Error): Promise<void> {
    const jobs = this.#end()
    await this.#worker.terminate()
    // Not before: it may be writing from memory that the caller takes back.
    for (const job of jobs) job.reject(error)
  }

  #settle(answer: FromWorker): void {
    const job = this.#jobs.shift()
    if (this.#jobs.length === 0) this.#worker.unref()
    if (job === undefined) return
    this.#bytes -= job.bytes
    job.settle(answer)
  }

  #end(): HashJob[] {
    this.#ended = true
    return this.#jobs.splice(0)
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message)
  }
}
