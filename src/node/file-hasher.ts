import { messageOf } from "../errors.js"
import type { Log } from "../ports/log.js"
import { FileHashThread } from "./file-hash-thread.js"
import type { FilesAnswer, FilesMessage } from "./hash-messages.js"

export interface FileHasherOptions {
  /** Worker threads at most. */
  readonly workers: number
  readonly workerUrl: URL | undefined
  /** Bytes: for so few no worker is started. */
  readonly worthwhile: number
  readonly log: Log
}

/**
 * Worker threads that read files and hash what they read: the main thread is left alone, and no byte crosses. They are
 * others than those that hash pieces in memory, which must not wait for a slow disk.
 */
export class FileHasher {
  readonly #options: FileHasherOptions
  readonly #threads: FileHashThread[] = []
  #failed = false

  constructor(options: FileHasherOptions) {
    this.#options = options
  }

  /** Undefined when not all could be read, no worker can be had, or it is not worth one. Rejects when it is closed. */
  hash(message: FilesMessage): Promise<FilesAnswer> {
    const thread = this.#leastBusy(message)
    return thread === undefined ? Promise.resolve(undefined) : thread.ask(message)
  }

  async close(error: Error): Promise<void> {
    await Promise.all(this.#threads.splice(0).map((thread) => thread.close(error)))
  }

  /** A new one when all are at work and one more is allowed. */
  #leastBusy({ parts }: FilesMessage): FileHashThread | undefined {
    let best: FileHashThread | undefined
    for (const thread of this.#threads) if (best === undefined || thread.pending < best.pending) best = thread
    if (best === undefined && parts.reduce((sum, { length }) => sum + length, 0) <= this.#options.worthwhile) {
      return undefined
    }
    const mayStart = !this.#failed && this.#threads.length < this.#options.workers
    return mayStart && (best === undefined || best.pending > 0) ? (this.#start() ?? best) : best
  }

  #start(): FileHashThread | undefined {
    try {
      const thread = new FileHashThread(this.#options.workerUrl, (error) => {
        this.#threads.splice(this.#threads.indexOf(thread), 1)
        this.#fail(error)
      })
      this.#threads.push(thread)
      return thread
    } catch (error) {
      // Node may be told to allow no workers, or a bundler hide where they are.
      this.#fail(error)
      return undefined
    }
  }

  #fail(error: unknown): void {
    this.#failed = true
    const reason = messageOf(error)
    this.#options.log.log("warn", "node", `a worker that hashes files died: ${reason}; no other is started`)
  }
}
