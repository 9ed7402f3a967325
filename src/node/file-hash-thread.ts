import type { Worker } from "node:worker_threads"
import type { FilesAnswer, FilesMessage } from "./hash-messages.js"
import { startHashWorker } from "./start-hash-worker.js"

interface Asker {
  readonly resolve: (answer: FilesAnswer) => void
  readonly reject: (error: Error) => void
}

/** A worker thread that answers one question after the other. It keeps the process alive only while it has any. */
export class FileHashThread {
  readonly #worker: Worker
  /** Answers come in the order of the questions. */
  readonly #askers: Asker[] = []

  /** `url`: see {@link startHashWorker}. `onDeath`: it ended by itself; what it was asked for is answered with undefined. */
  constructor(url: URL | undefined, onDeath: (error: Error) => void) {
    const die = (error: Error): void => {
      this.#worker.removeAllListeners().on("error", () => {})
      onDeath(error)
      for (const { resolve } of this.#askers.splice(0)) resolve(undefined)
    }
    this.#worker = startHashWorker(url)
    this.#worker.on("message", (answer: FilesAnswer) => {
      const asker = this.#askers.shift()
      if (this.#askers.length === 0) this.#worker.unref()
      asker?.resolve(answer)
    })
    this.#worker.on("error", die)
    // It lives on, and would keep the process alive.
    this.#worker.on("messageerror", () => void this.#worker.terminate())
    this.#worker.on("exit", (code) => die(new Error(`it ended with code ${code}`)))
  }

  /** Questions it has not answered yet. */
  get pending(): number {
    return this.#askers.length
  }

  ask(message: FilesMessage): Promise<FilesAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#askers.push({ resolve, reject }) === 1) this.#worker.ref()
      this.#worker.postMessage(message)
    })
  }

  /** Stops it; what it was asked for is rejected with `error`. */
  async close(error: Error): Promise<void> {
    for (const { reject } of this.#askers.splice(0)) reject(error)
    this.#worker.removeAllListeners()
    await this.#worker.terminate()
  }
}
