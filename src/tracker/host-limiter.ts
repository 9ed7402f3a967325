import type { Clock, Timer } from "../ports/clock.js"
import { Rests } from "./rests.js"

/** Requests to one host at a time: a web server that runs a script for each suffers from more. */
const MAX_ACTIVE = 2

/** ms between the starts of two requests to one host while many wait. */
const GAP = 250

/** So many may wait before the gap is kept: a few torrents are no burst. */
const FEW = 3

/** Someone who waits for a turn. */
interface Waiting {
  readonly urgent: boolean
  readonly signal: AbortSignal
  /** Begins the work; what it gives resolves when that is over. */
  start(): Promise<unknown>
  /** The turn will not come. */
  leave(): void
}

interface Queue {
  active: number
  /** Clock ms. */
  lastStart: number
  /** Nothing starts before, clock ms. */
  pausedUntil: number
  readonly waiting: Waiting[]
  timer: Timer | undefined
}

/**
 * Lets requests to a host through a few at a time, in the order they came, and none while the host wants to be left alone.
 * Hosts do not wait for one another.
 */
export class HostLimiter {
  readonly #clock: Clock
  /** Of hosts that are being asked. */
  readonly #queues = new Map<string, Queue>()
  readonly #rests: Rests
  /** What trackers said of single torrents (BEP 31). It is for who announces them to obey. */
  readonly announces: Rests

  constructor(clock: Clock) {
    this.#clock = clock
    this.#rests = new Rests(clock)
    this.announces = new Rests(clock)
  }

  /**
   * Does `work` when it is its turn, which may be within the call. Urgent work goes before the rest and keeps no gap, but
   * for a pause after work that its signal ended.
   *
   * @returns undefined when `signal` ended the wait, or the host is to be left alone: see {@link restOf}
   */
  run<T>(
    host: string,
    { signal, urgent }: { readonly signal: AbortSignal; readonly urgent: boolean },
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    if (signal.aborted || this.restOf(host) > 0) return Promise.resolve(undefined)
    const queue = this.#queues.get(host) ?? { active: 0, lastStart: 0, pausedUntil: 0, waiting: [], timer: undefined }
    this.#queues.set(host, queue)
    return new Promise((resolve) => {
      const waiting: Waiting = {
        urgent,
        signal,
        start: () => {
          signal.removeEventListener("abort", giveUp)
          const done = work()
          resolve(done)
          return done
        },
        leave: () => {
          signal.removeEventListener("abort", giveUp)
          resolve(undefined)
        },
      }
      const giveUp = (): void => {
        queue.waiting.splice(queue.waiting.indexOf(waiting), 1)
        waiting.leave()
        this.#advance(host, queue)
      }
      signal.addEventListener("abort", giveUp, { once: true })
      const firstCalm = urgent ? queue.waiting.findIndex((other) => !other.urgent) : -1
      queue.waiting.splice(firstCalm < 0 ? queue.waiting.length : firstCalm, 0, waiting)
      this.#advance(host, queue)
    })
  }

  /** The host said so: nobody asks it for so many ms, a day at most. Who waits for a turn need not. */
  rest(host: string, time: number): void {
    this.#rests.add(host, time)
    const queue = this.#queues.get(host)
    if (queue === undefined) return
    for (const waiting of queue.waiting.splice(0)) waiting.leave()
    this.#advance(host, queue)
  }

  /** For how long a host is still to be left alone, ms; 0: it may be asked. */
  restOf(host: string): number {
    return this.#rests.of(host)
  }

  /** Starts who may start now, and comes back for the next. */
  #advance(host: string, queue: Queue): void {
    queue.timer?.cancel()
    queue.timer = undefined
    for (;;) {
      const next = queue.waiting[0]
      if (next === undefined || queue.active >= MAX_ACTIVE) break
      const now = this.#clock.now()
      const spacedAt = next.urgent || queue.waiting.length <= FEW ? now : queue.lastStart + GAP
      const startAt = Math.max(spacedAt, queue.pausedUntil)
      if (startAt > now) {
        queue.timer = this.#clock.after(startAt - now, () => this.#advance(host, queue))
        return
      }
      queue.waiting.shift()
      queue.active++
      queue.lastStart = now
      const over = (): void => {
        queue.active--
        // Who waits is mostly about to be ended as well, when all close: its request would be made for nothing.
        if (next.signal.aborted && queue.waiting.length > 0) queue.pausedUntil = this.#clock.now() + GAP
        this.#advance(host, queue)
      }
      next.start().then(over, over)
    }
    if (queue.active === 0) this.#queues.delete(host)
  }
}
