import type { Worker } from "node:worker_threads"
import type { FileStat, NewName, SmallWrite } from "../ports/disk.js"
import type { FromDiskWorker, ToDiskWorker } from "./disk-messages.js"
import { nameFilesNow, writeFilesNow } from "./small-files.js"

/** Files written and named on the main thread before a worker is started: they take less time than its start. */
const FILES_BEFORE_WORKER = 32

/** Undefined when the worker died with it. */
type Answered = (answer: FromDiskWorker | undefined) => void

/**
 * Writes and names small files in a worker thread, which is started when there are many, and never keeps the process alive
 * unless it has work. Where there can be none, or once it died, the main thread does it: slower, but right.
 */
export class DiskThread {
  readonly #url: URL | undefined
  #worker: Worker | undefined
  #filesBeforeWorker: number
  #closed = false
  readonly #waiting: Answered[] = []

  /** `url`: where the built `disk-worker.cjs` is. Default: beside this file. */
  constructor(url?: URL, filesBeforeWorker = FILES_BEFORE_WORKER) {
    this.#url = url
    this.#filesBeforeWorker = filesBeforeWorker
  }

  async write(writes: readonly SmallWrite[]): Promise<readonly (FileStat | undefined)[]> {
    if (!this.#ready(writes.length)) return writeFilesNow(writes)
    return (await this.#ask<FileStat | undefined>({ type: "write", writes })) ?? writes.map(() => undefined)
  }

  async name(names: readonly NewName[]): Promise<readonly boolean[]> {
    if (!this.#ready(names.length)) return nameFilesNow(names)
    return (await this.#ask<boolean>({ type: "name", names })) ?? names.map(() => false)
  }

  /** Ends the thread; what it had counts as not done. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#worker?.terminate()
  }

  #ready(files: number): boolean {
    if (this.#worker !== undefined) return true
    if (this.#closed) return false
    this.#filesBeforeWorker -= files
    if (this.#filesBeforeWorker >= 0) return false
    return this.#start()
  }

  #start(): boolean {
    const threads = process.getBuiltinModule("node:worker_threads")
    let worker: Worker
    try {
      const url = this.#url ?? new URL("./disk-worker.cjs", import.meta.url)
      worker = new threads.Worker(url, { name: "academictorrents-disk", env: threads.SHARE_ENV, execArgv: [] })
    } catch {
      // Node may be told to allow no workers, or a bundler hide where they are.
      this.#closed = true
      return false
    }
    this.#worker = worker
    worker.unref()
    worker.on("message", (answer: FromDiskWorker) => {
      const answered = this.#waiting.shift()
      if (this.#waiting.length === 0) worker.unref()
      answered?.(answer)
    })
    const die = (): void => {
      if (this.#worker !== worker) return
      this.#worker = undefined
      this.#closed = true
      for (const answered of this.#waiting.splice(0)) answered(undefined)
    }
    worker.on("error", die)
    // It lives on, and may be writing what is about to be written again.
    worker.on("messageerror", () => void worker.terminate())
    worker.on("exit", die)
    return true
  }

  #ask<T>(message: ToDiskWorker): Promise<readonly T[] | undefined> {
    return new Promise((resolve) => {
      // The worker answers in kind.
      if (this.#waiting.push(resolve as Answered) === 1) this.#worker?.ref()
      this.#worker?.postMessage(message)
    })
  }
}
