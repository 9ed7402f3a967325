import type { Clock } from "../ports/clock.js"
import type { Disk, FileStat } from "../ports/disk.js"
import { type AcquireLock, LockedError } from "../ports/lock.js"
import { sleep } from "./sleep.js"
import { stalled } from "./stalled.js"

/** ms between two looks whether the other process is done or gone. */
const LOOK = 2_000
/** So many times the time that an attempt took passes before the next one while the other goes on: it may hash what is there. */
const REST = 20

export interface OtherProcessOptions {
  readonly clock: Clock
  readonly disk: Pick<Disk, "stat">
  readonly acquireLock: AcquireLock
  /** Of the dataset: where its lock and its journal are. Absolute. */
  readonly stateDirectory: string
  readonly signal?: AbortSignal | undefined
  /** ms without a sign of the other process, after which it is waited for no longer. */
  readonly timeout?: number | undefined
  /** Hears why it is waited, again and again. */
  readonly onWaiting: (reason: string) => void
}

/**
 * Another process is at work on the dataset, here or on another machine that shares the file system. What it brings is of use
 * to us, so it may pay to wait: until it is done, or gone, or until what we want is there although it goes on.
 */
export class OtherProcess {
  readonly #options: OtherProcessOptions
  /** The journal grows whenever something was stored: that shows of any process, wherever it runs. */
  #journal: FileStat | undefined
  #lastSign: number

  constructor(options: OtherProcessOptions) {
    this.#options = options
    this.#lastSign = options.clock.now()
  }

  /**
   * Makes an attempt after the other until one does not find the dataset locked.
   *
   * @throws AtError `AT_ABORTED`, `AT_STALLED`, and what an attempt throws, but for a {@link LockedError}
   */
  async outlast<T>(attempt: () => Promise<T>): Promise<T> {
    const { clock } = this.#options
    for (;;) {
      const began = clock.now()
      try {
        return await attempt()
      } catch (error) {
        if (!(error instanceof LockedError)) throw error
        const rest = REST * (clock.now() - began)
        await this.#wait(error, rest)
      }
    }
  }

  /** Returns at once when the lock is free, and otherwise after `rest` ms. */
  async #wait({ holder, remedy }: LockedError, rest: number): Promise<void> {
    const { clock, signal, timeout, onWaiting } = this.#options
    const end = clock.now() + rest
    do {
      await this.#lookForSign()
      const idle = clock.now() - this.#lastSign
      if (timeout !== undefined && idle >= timeout) {
        throw stalled(timeout, holder, `wait longer with a larger \`timeout\`, or ${remedy}`)
      }
      onWaiting(holder)
      await sleep(clock, timeout === undefined ? LOOK : Math.min(LOOK, timeout - idle), signal)
      if (signal?.aborted !== true && (await this.#isFree())) return
    } while (clock.now() < end)
  }

  async #lookForSign(): Promise<void> {
    const { clock, disk, stateDirectory } = this.#options
    const now = await disk.stat(`${stateDirectory}/journal`).catch(() => undefined)
    if (now?.size === this.#journal?.size && now?.mtimeNs === this.#journal?.mtimeNs) return
    this.#journal = now
    this.#lastSign = clock.now()
  }

  /** It is so, too, where this process has it by now. What else is wrong with the lock shows in the next attempt. */
  async #isFree(): Promise<boolean> {
    const { acquireLock, stateDirectory } = this.#options
    try {
      const lock = await acquireLock(`${stateDirectory}/lock`)
      await lock.release()
      return true
    } catch (error) {
      return !(error instanceof LockedError)
    }
  }
}
