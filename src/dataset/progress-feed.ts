import type { Clock, Timer } from "../ports/clock.js"
import type { ProgressSnapshot } from "../torrent/statistics/progress.js"

/** ms between two reports. */
const INTERVAL = 250

/** What is reported on. */
interface Subject {
  snapshot(): ProgressSnapshot
}

/** Who goes through an iteration. */
interface Reader {
  /** It wants no more. */
  left: boolean
  /** Ends its wait for the next report. */
  wake: (() => void) | undefined
}

/** Tells all who listen where a dataset stands, at a steady pace however fast things change. */
export class ProgressFeed {
  readonly #clock: Clock
  /** Without a snapshot: perhaps there is no more to come. */
  readonly #listeners = new Set<(progress: ProgressSnapshot | undefined) => void>()
  #subject: Subject | undefined
  /** Goes before the subject. */
  #still: ProgressSnapshot | undefined
  #timer: Timer | undefined
  /** Calls under way. */
  #calls = 0
  /** Those of them that are reported on. */
  #reported = 0
  #ended = false

  constructor(clock: Clock, onProgress: ((progress: ProgressSnapshot) => void) | undefined) {
    this.#clock = clock
    if (onProgress === undefined) return
    this.#listeners.add((progress) => {
      if (progress !== undefined) onProgress(progress)
    })
  }

  /** Does a call's work. No iteration ends before for want of something to tell. */
  async beside<T>(work: () => Promise<T>): Promise<T> {
    this.#calls++
    try {
      return await work()
    } finally {
      this.#calls--
      for (const listener of this.#listeners) listener(undefined)
    }
  }

  /** Does a call's work, and reports how things stand after it. No iteration ends before. */
  during<T>(work: () => Promise<T>): Promise<T> {
    return this.beside(async () => {
      this.#reported++
      try {
        return await work()
      } finally {
        this.#reported--
        this.#report()
        if (this.#subject !== undefined) this.#still = undefined
      }
    })
  }

  /** Things stand so, until told otherwise: data on disk is being checked, or all of it is there. */
  show(snapshot: ProgressSnapshot): void {
    this.#still = snapshot
    this.#pace()
  }

  /** From here on `subject` is at work. */
  follow(subject: Subject): void {
    this.#still = undefined
    this.#subject = subject
    this.#pace()
  }

  /** The subject is gone, and how it stood is no news any more. */
  forget(): void {
    this.#subject = undefined
  }

  /** The subject is about to be put away: things stand as they do now. */
  leave(): void {
    if (this.#subject === undefined) return
    this.#still = this.#subject.snapshot()
    this.#subject = undefined
  }

  /** A last report, and the end of all iterations. */
  end(): void {
    if (this.#ended) return
    // Before anybody hears of it, who may end it, too.
    this.#ended = true
    this.#timer?.cancel()
    const last = this.#current
    for (const listener of this.#listeners) listener(last)
    this.#listeners.clear()
  }

  /** Reports from now on, until nothing is under way (any more) or the feed ends. Slow readers get the latest. */
  iterate(): AsyncIterableIterator<ProgressSnapshot> {
    const reader: Reader = { left: false, wake: undefined }
    const reports = this.#reports(reader)
    return {
      next: () => reports.next(),
      // A generator that waits hears nothing of its reader's leaving.
      return: () => {
        reader.left = true
        reader.wake?.()
        return reports.return(undefined)
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  async *#reports(reader: Reader): AsyncGenerator<ProgressSnapshot, undefined> {
    if (this.#ended) return
    let latest: ProgressSnapshot | undefined = this.#current
    let told: ProgressSnapshot | undefined
    const listener = (progress: ProgressSnapshot | undefined): void => {
      latest = progress ?? latest
      reader.wake?.()
    }
    this.#listeners.add(listener)
    this.#pace()
    try {
      // The call that it is to tell of may be about to begin.
      const tooEarly = latest === undefined && this.#calls === 0
      if (tooEarly) await new Promise<void>((resolve) => void this.#clock.after(0, resolve))
      while (!reader.left) {
        if (latest !== undefined) {
          told = latest
          latest = undefined
          // What was complete before a call is no news of that call.
          if (!isResting(told) || this.#reported === 0 || this.#ended) yield told
        } else if (this.#ended || this.#isOver(told)) return
        else
          await new Promise<void>((resolve) => {
            reader.wake = resolve
          })
      }
    } finally {
      this.#listeners.delete(listener)
    }
  }

  get #current(): ProgressSnapshot | undefined {
    return this.#still ?? this.#subject?.snapshot()
  }

  /** Whether somebody who was told this has nothing more to wait for. */
  #isOver(told: ProgressSnapshot | undefined): boolean {
    if (this.#reported > 0) return false
    if (this.#subject === undefined) return this.#calls === 0
    return told !== undefined && isResting(told)
  }

  #pace(): void {
    if (this.#timer !== undefined || this.#ended || this.#listeners.size === 0) return
    this.#timer = this.#clock.after(INTERVAL, () => {
      this.#timer = undefined
      if (this.#subject === undefined) this.#report()
      else this.#pace()
    })
    this.#report()
  }

  #report(): void {
    if (this.#ended) return
    const current = this.#current
    if (current !== undefined) for (const listener of this.#listeners) listener(current)
  }
}

function isResting({ state }: ProgressSnapshot): boolean {
  return state !== "metadata" && state !== "checking" && state !== "downloading"
}
