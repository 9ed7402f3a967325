import type { Clock, Timer } from "../ports/clock.js"
import type { ProgressSnapshot } from "../torrent/progress.js"

/** ms between two reports. */
const INTERVAL = 250

/** What is reported on. */
interface Subject {
  snapshot(): ProgressSnapshot
}

/** Tells all who listen where a dataset stands, at a steady pace however fast things change. */
export class ProgressFeed {
  readonly #clock: Clock
  readonly #listeners = new Set<(progress: ProgressSnapshot | undefined) => void>()
  #subject: Subject | undefined
  #checking: ProgressSnapshot | undefined
  #timer: Timer | undefined
  /** Downloads that have been asked for and are not over. */
  #awaited = 0
  #ended = false

  constructor(clock: Clock, onProgress: ((progress: ProgressSnapshot) => void) | undefined) {
    this.#clock = clock
    if (onProgress === undefined) return
    this.#listeners.add((progress) => {
      if (progress !== undefined) onProgress(progress)
    })
  }

  /** A download begins: until {@link settle}, being complete is news from before. */
  expect(): void {
    this.#awaited++
  }

  /** The download is over, however it went, and with it all iterations, unless there is another. */
  settle(): void {
    this.#awaited--
    this.#report()
    if (this.#awaited === 0) for (const listener of this.#listeners) listener(undefined)
  }

  /** Data on disk is being checked. */
  checking(snapshot: ProgressSnapshot): void {
    this.#checking = snapshot
    this.#pace()
  }

  /** From here on `subject` is at work. */
  follow(subject: Subject): void {
    this.#checking = undefined
    this.#subject = subject
    this.#pace()
  }

  /** A last report, and the end of all iterations. */
  end(): void {
    if (this.#ended) return
    this.#report()
    this.#ended = true
    this.#timer?.cancel()
    for (const listener of this.#listeners) listener(undefined)
    this.#listeners.clear()
  }

  /** Reports from now on, until the subject is complete, the download is over or the feed ends. Slow readers get the latest. */
  async *iterate(): AsyncGenerator<ProgressSnapshot> {
    if (this.#ended) return
    let latest: ProgressSnapshot | undefined = this.#current
    let over = false
    let wake: (() => void) | undefined
    const listener = (progress: ProgressSnapshot | undefined): void => {
      if (progress === undefined) over = true
      else latest = progress
      wake?.()
    }
    this.#listeners.add(listener)
    this.#pace()
    try {
      for (;;) {
        const next = latest
        latest = undefined
        if (next !== undefined) {
          const done = next.state !== "checking" && next.state !== "downloading"
          if (done && this.#awaited > 0 && !over) continue
          yield next
          if (done) return
        } else if (over) return
        else
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
    } finally {
      this.#listeners.delete(listener)
    }
  }

  get #current(): ProgressSnapshot | undefined {
    return this.#checking ?? this.#subject?.snapshot()
  }

  #pace(): void {
    if (this.#timer !== undefined || this.#ended || this.#listeners.size === 0) return
    this.#report()
    this.#timer = this.#clock.after(INTERVAL, () => {
      this.#timer = undefined
      if (this.#subject === undefined) this.#report()
      else this.#pace()
    })
  }

  #report(): void {
    const current = this.#current
    if (current !== undefined) for (const listener of this.#listeners) listener(current)
  }
}
