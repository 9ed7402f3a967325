import type { Worker } from "node:worker_threads"
import type { HashAlgorithm } from "../ports/hasher.js"
import { DIGEST_LENGTH, type FromWorker, type ToWorker } from "./hash-messages.js"
import type { SharedMemories } from "./shared-memories.js"
import { startHashWorker } from "./start-hash-worker.js"

/** Pieces to hash, one or several. */
export interface HashJob {
  readonly algorithm: HashAlgorithm
  /** Views of shared memory. */
  readonly pieces: readonly Uint8Array<SharedArrayBuffer>[]
  /** Of all of them together. */
  readonly bytes: number
  /** Hears the digests, one behind the other. */
  readonly resolve: (digests: Uint8Array) => void
  readonly reject: (error: Error) => void
}

/** What a thread's owner hears. */
export interface HashThreadOwner {
  /** A batch is done: there is room for another. */
  onRoom(): void
  /** The thread died by itself and left `jobs` undone. */
  onDeath(thread: HashThread, error: Error, jobs: readonly HashJob[]): void
}

/** One worker thread and the batches it has. It never keeps the process alive unless it has work. */
export class HashThread {
  readonly #worker: Worker
  readonly #memories: SharedMemories
  readonly #known = new Set<number>()
  readonly #batches: HashJob[][] = []
  #bytes = 0
  #ended = false

  constructor(url: URL, memories: SharedMemories, owner: HashThreadOwner) {
    this.#memories = memories
    this.#worker = startHashWorker(url)
    this.#worker.on("message", (digests: FromWorker) => {
      this.#settle(digests)
      owner.onRoom()
    })
    const die = (error: Error): void => {
      if (this.#ended) return
      owner.onDeath(this, error, this.#end())
    }
    this.#worker.on("error", die)
    this.#worker.on("messageerror", die)
    this.#worker.on("exit", (code) => die(new Error(`it ended with code ${code}`)))
  }

  /** Batches it has not answered yet. */
  get batches(): number {
    return this.#batches.length
  }

  /** Bytes in those. */
  get bytes(): number {
    return this.#bytes
  }

  /** Sends a batch, which is of one algorithm and not empty. */
  run(batch: HashJob[]): void {
    const pieces: number[] = []
    for (const job of batch) {
      this.#bytes += job.bytes
      for (const { buffer, byteOffset, byteLength } of job.pieces) {
        const id = this.#memories.idOf(buffer)
        if (!this.#known.has(id)) {
          this.#known.add(id)
          this.#post({ type: "memory", id, memory: buffer })
        }
        pieces.push(id, byteOffset, byteLength)
      }
    }
    if (this.#batches.push(batch) === 1) this.#worker.ref()
    this.#post({ type: "hash", algorithm: batch[0]!.algorithm, pieces })
  }

  /** The memory of that number is gone on our side. */
  forget(id: number): void {
    if (this.#known.delete(id)) this.#post({ type: "forget", id })
  }

  /** Stops it; what it had is rejected with `error`. */
  async close(error: Error): Promise<void> {
    for (const job of this.#end()) job.reject(error)
    await this.#worker.terminate()
  }

  #settle(digests: Uint8Array): void {
    const batch = this.#batches.shift() ?? []
    if (this.#batches.length === 0) this.#worker.unref()
    let from = 0
    for (const { algorithm, pieces, bytes, resolve } of batch) {
      const to = from + pieces.length * DIGEST_LENGTH[algorithm]
      this.#bytes -= bytes
      resolve(digests.slice(from, to))
      from = to
    }
  }

  #end(): HashJob[] {
    this.#ended = true
    return this.#batches.splice(0).flat()
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message)
  }
}
