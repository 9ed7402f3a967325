import type { Clock, Timer } from "../ports/clock.js"
import { HostPace } from "./host-pace.js"
import { Rests } from "./rests.js"

/** Requests to one host at a time: a web server that runs a script for each suffers from more. */
const MAX_ACTIVE = 2

/** So many may wait before a gap is kept between the starts of requests: a few torrents are no burst. */
const FEW = 3

/** ms for those who wait when the work before them was ended. */
const PAUSE = 250

/** Who waits keeps the place while a host is left alone for so many ms at most. For longer, other trackers may be asked. */
const SHORT_REST = 5 * 60_000

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
  readonly pace: HostPace
  active: number
  /** Clock ms. */
  lastStart: number
  /** Nothing starts before, clock ms. */
  pausedUntil: number
  readonly waiting: Waiting[]
  timer: Timer | undefined
}

/**
 * Lets requests to a host through a few at a time, in the order they came and as fast as it allows ({@link HostPace}), and
 * none while it is to be left alone. Hosts do not wait for one another.
 */
export class HostLimiter {
  readonly #clock: Clock
  /** Of hosts that are being asked, or are not to be asked as fast as others. */
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
   * @returns undefined when `signal` ended the wait, or the host is to be left alone: see {@link restOf}. Who waits when that
   * begins keeps the place, if it is not for long
   */
  run<T>(
    host: string,
    { signal, urgent }: { readonly signal: AbortSignal; readonly urgent: boolean },
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    if (signal.aborted || this.restOf(host) > 0) return Promise.resolve(undefined)
    const queue = this.#queueOf(host)
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

  /** The host let a request through. */
  served(host: string): void {
    const queue = this.#queueOf(host)
    queue.pace.served()
    this.#advance(host, queue)
  }

  /** The host finds us too fast, or is too busy: it is left alone, for `time` ms if it says that, and then asked more slowly. */
  slowDown(host: string, time?: number): void {
    // What is answered during a rest was asked before.
    const own = this.restOf(host) > 0 ? 0 : this.#queueOf(host).pace.slowDown()
    this.#rest(host, time ?? own)
  }

  /** The host forbids us to announce this torrent: when it is so for one after the other, the host is left alone. */
  forbidden(host: string, torrent: string): void {
    if (this.restOf(host) === 0) this.#rest(host, this.#queueOf(host).pace.forbidden(torrent))
  }

  /** For how long a host is still to be left alone, ms; 0: it may be asked. */
  restOf(host: string): number {
    return this.#rests.of(host)
  }

  #queueOf(host: string): Queue {
    const known = this.#queues.get(host)
    if (known !== undefined) return known
    const pace = new HostPace()
    const queue: Queue = { pace, active: 0, lastStart: 0, pausedUntil: 0, waiting: [], timer: undefined }
    this.#queues.set(host, queue)
    return queue
  }

  /** Nobody asks the host for so many ms, a day at most. Who is urgent, or would wait for long, need not wait. */
  #rest(host: string, time: number): void {
    this.#rests.add(host, time)
    const rest = this.restOf(host)
    const queue = this.#queueOf(host)
    for (const waiting of queue.waiting.splice(0)) {
      if (rest > SHORT_REST || (rest > 0 && waiting.urgent)) waiting.leave()
      else queue.waiting.push(waiting)
    }
    this.#advance(host, queue)
  }

  /** Starts who may start now, and comes back for the next. */
  #advance(host: string, queue: Queue): void {
    queue.timer?.cancel()
    queue.timer = undefined
    for (;;) {
      const next = queue.waiting[0]
      if (next === undefined || queue.active >= MAX_ACTIVE) break
      const now = this.#clock.now()
      const isFree = next.urgent || (queue.pace.isFast && queue.waiting.length <= FEW)
      const spacedAt = isFree ? now : queue.lastStart + queue.pace.gap
      const startAt = Math.max(spacedAt, queue.pausedUntil, now + this.restOf(host))
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
        if (next.signal.aborted && queue.waiting.length > 0) queue.pausedUntil = this.#clock.now() + PAUSE
        this.#advance(host, queue)
      }
      next.start().then(over, over)
    }
    if (queue.active === 0 && queue.pace.isUsual) this.#queues.delete(host)
  }
}
