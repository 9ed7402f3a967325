import { sameBytes } from "../bytes/same-bytes.js"
import { messageOf } from "../errors.js"
import { rootOf } from "../metainfo/merkle.js"
import type { FilePart, FullPiece, HashAlgorithm, Hasher, PieceFate, Stored } from "../ports/hasher.js"
import { type Log, silentLog } from "../ports/log.js"
import { nodeClock } from "./clock.js"
import { FileHasher } from "./file-hasher.js"
import { DIGEST_LENGTH, type Digests, type StoreAnswer } from "./hash-messages.js"
import { type HashJob, HashThread, type HashThreadOwner } from "./hash-thread.js"
import { SharedMemories } from "./shared-memories.js"
import { storedBy, storeMessage } from "./store-message.js"

export interface NodeHasherOptions {
  /** Worker threads at most. Default: 2, or 1 where there is one core. */
  readonly workers?: number
  /** See {@link startHashWorker}. */
  readonly workerUrl?: URL | undefined
  /**
   * So many bytes of pieces are hashed on the main thread before workers are started. Default: 2 MiB, which takes less
   * time than a worker needs to start, so that a small dataset is done without one.
   */
  readonly bytesBeforeWorkers?: number
  readonly log?: Log
}

const BYTES_BEFORE_WORKERS = 2 * 1024 * 1024
/** Messages a worker has at a time: while it works on one, the next is there already. */
const JOBS_PER_WORKER = 2
/**
 * So many bytes wait for the workers there are before one more is started: one stores half a gigabyte a second, and a
 * second one that is not needed only takes memory.
 */
const BYTES_BEFORE_ANOTHER = 1024 * 1024
/** After so many workers died, hashing goes on without them. */
const MAX_DEATHS = 3

/**
 * Digests by OpenSSL, those of pieces in worker threads. Pieces wait in one queue, and whoever has least to do gets the
 * next batch. Should a worker die, what it had is hashed on the main thread: slower, but right.
 */
export class NodeHasher implements Hasher, HashThreadOwner {
  readonly #maxThreads: number
  readonly #workerUrl: URL | undefined
  readonly #log: Log
  readonly #threads: HashThread[] = []
  readonly #memories = new SharedMemories((id) => {
    for (const thread of this.#threads) thread.forget(id)
  })
  #bytesBeforeWorkers: number
  readonly #queue: HashJob[] = []
  readonly #files: FileHasher
  #deaths = 0
  #closed: Promise<void> | undefined

  constructor(options: NodeHasherOptions = {}) {
    this.#maxThreads = options.workers ?? defaultWorkers()
    this.#workerUrl = options.workerUrl
    this.#bytesBeforeWorkers = options.bytesBeforeWorkers ?? BYTES_BEFORE_WORKERS
    this.#log = options.log ?? silentLog
    this.#files = new FileHasher({
      workers: this.#maxThreads,
      workerUrl: this.#workerUrl,
      worthwhile: this.#bytesBeforeWorkers,
      log: this.#log,
    })
  }

  digest(algorithm: HashAlgorithm, data: Uint8Array): Uint8Array {
    if (algorithm === "merkle") return rootOf(data, (block) => this.digest("sha256", block))
    const digest = process.getBuiltinModule("node:crypto").hash(algorithm, data, "buffer")
    return new Uint8Array(digest.buffer, digest.byteOffset, digest.byteLength)
  }

  hashPiece(algorithm: HashAlgorithm, data: Uint8Array): Promise<Uint8Array> {
    return this.hashPieces(algorithm, [data])
  }

  async hashPieces(algorithm: HashAlgorithm, pieces: readonly Uint8Array[]): Promise<Uint8Array> {
    if (this.#closed !== undefined) throw closedError()
    if (!areShared(pieces) || this.#isToBeHere(pieces)) return this.#digests(algorithm, pieces)
    return new Promise((resolve, reject) => {
      this.#add({
        pieces,
        bytes: bytesOf(pieces),
        message: (places) => ({ type: "hash", algorithm, pieces: places }),
        settle: (answer) => resolve(answer as Digests),
        reject,
        runHere: () => resolve(this.#digests(algorithm, pieces)),
      })
    })
  }

  async storePieces(algorithm: HashAlgorithm, full: readonly FullPiece[]): Promise<Stored> {
    if (this.#closed !== undefined) throw closedError()
    const pieces = full.map(({ bytes }) => bytes)
    if (!areShared(pieces) || this.#isToBeHere(pieces)) return this.#judge(algorithm, full)
    return new Promise((resolve, reject) => {
      this.#add({
        pieces,
        bytes: bytesOf(pieces),
        message: (places) => storeMessage(algorithm, full, places),
        settle: (answer) => resolve(storedBy(answer as StoreAnswer)),
        reject,
        runHere: () => resolve(this.#judge(algorithm, full)),
      })
    })
  }

  async hashFiles(
    algorithm: HashAlgorithm,
    parts: readonly FilePart[],
    pieceLength: number,
  ): Promise<Uint8Array | undefined> {
    if (this.#closed !== undefined) throw closedError()
    return this.#files.hash({ type: "files", algorithm, parts, pieceLength })
  }

  onRoom(): void {
    this.#handOut()
  }

  onDeath(thread: HashThread, error: Error, jobs: readonly HashJob[]): void {
    this.#threads.splice(this.#threads.indexOf(thread), 1)
    this.#noteDeath(error)
    for (const job of jobs) job.runHere()
    this.#handOut()
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      const error = closedError()
      for (const job of this.#queue.splice(0)) job.reject(error)
      await Promise.all([this.#files.close(error), ...this.#threads.splice(0).map((thread) => thread.close(error))])
    })()
    return this.#closed
  }

  #handOut(): void {
    while (this.#queue.length > 0) {
      const thread = this.#threadWithRoom()
      if (thread === undefined) break
      thread.run(this.#queue.shift()!)
    }
    if (this.#deaths >= MAX_DEATHS) for (const job of this.#queue.splice(0)) job.runHere()
  }

  /** The one with least to do; one more when work piles up and it is allowed. */
  #threadWithRoom(): HashThread | undefined {
    let best: HashThread | undefined
    for (const thread of this.#threads) if (best === undefined || thread.bytes < best.bytes) best = thread
    if (best !== undefined && best.jobs < JOBS_PER_WORKER) return best
    const wanted = best === undefined || this.#queuedBytes >= BYTES_BEFORE_ANOTHER
    return wanted && this.#threads.length < this.#maxThreads ? this.#start() : undefined
  }

  get #queuedBytes(): number {
    return this.#queue.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  #start(): HashThread | undefined {
    if (this.#deaths >= MAX_DEATHS) return undefined
    try {
      const thread = new HashThread(this.#workerUrl, this.#memories, this)
      this.#threads.push(thread)
      return thread
    } catch (error) {
      // Node may be told to allow no workers, or a bundler hide where they are.
      this.#deaths = MAX_DEATHS - 1
      this.#noteDeath(error)
      return undefined
    }
  }

  #noteDeath(error: unknown): void {
    this.#deaths++
    const end = this.#deaths < MAX_DEATHS ? "" : ", hashing goes on without workers"
    this.#log.log("warn", "node", `a hash worker died: ${messageOf(error)}${end}`)
  }

  /** Whether so little was hashed that no worker is worth its start, or there can be none. */
  #isToBeHere(pieces: readonly Uint8Array[]): boolean {
    if (this.#deaths >= MAX_DEATHS) return true
    const bytes = bytesOf(pieces)
    if (bytes > this.#bytesBeforeWorkers) return false
    this.#bytesBeforeWorkers -= bytes
    return true
  }

  #add(job: HashJob): void {
    this.#queue.push(job)
    this.#handOut()
  }

  /** Hashes without writing. */
  #judge(algorithm: HashAlgorithm, pieces: readonly FullPiece[]): Stored {
    const start = nodeClock.now()
    const fates = pieces.map(({ bytes, digest }): PieceFate => {
      return sameBytes(this.digest(algorithm, bytes), digest) ? "right" : "wrong"
    })
    return { fates, hashing: nodeClock.now() - start, writing: 0 }
  }

  #digests(algorithm: HashAlgorithm, pieces: readonly Uint8Array[]): Uint8Array {
    const size = DIGEST_LENGTH[algorithm]
    const digests = new Uint8Array(pieces.length * size)
    for (const [i, piece] of pieces.entries()) digests.set(this.digest(algorithm, piece), i * size)
    return digests
  }
}

function defaultWorkers(): number {
  return Math.min(2, process.getBuiltinModule("node:os").availableParallelism())
}

function areShared(pieces: readonly Uint8Array[]): pieces is readonly Uint8Array<SharedArrayBuffer>[] {
  return pieces.every(({ buffer }) => buffer instanceof SharedArrayBuffer)
}

function bytesOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { byteLength }) => sum + byteLength, 0)
}

function closedError(): Error {
  return new Error("the hasher is closed")
}
