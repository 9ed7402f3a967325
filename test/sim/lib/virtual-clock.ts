import type { Clock, Timer } from "../../../src/ports/clock.js"

/** More events than this without time moving on: something calls itself for ever. */
const LIVELOCK_EVENTS = 1_000_000

/** 2026-01-01T00:00:00Z, so that wall times in a failed test look like wall times. */
const WALL_START = 1_767_225_600_000

interface Event {
  readonly at: number
  /** Events of the same moment happen in the order they were asked for. */
  readonly order: number
  readonly fn: () => void
  cancelled: boolean
}

/** Why a run ended before its goal. */
export class SimulationError extends Error {
  override readonly name = "SimulationError"
}

/**
 * Time that stands still while anything can still run.
 *
 * An event is one call of a timer's function. After each of them a whole turn of the real event loop passes, and a turn
 * begins only when the queue of microtasks is empty: so every promise chain that depends on promises alone has come to
 * its end before time moves on. Disk and hasher answer through timers too; nothing in a simulation waits for the world.
 */
export class VirtualClock implements Clock {
  #now = 0
  #order = 0
  #wallOffset = WALL_START
  #heap: Event[] = []
  #pending = 0
  #running = false
  #eventCount = 0

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return Math.floor(this.#now + this.#wallOffset)
  }

  after(delay: number, fn: () => void): Timer {
    if (Number.isNaN(delay) || delay === Number.POSITIVE_INFINITY) throw new RangeError(`no such delay: ${delay}`)
    const event: Event = { at: this.#now + Math.max(0, delay), order: this.#order++, fn, cancelled: false }
    push(this.#heap, event)
    this.#pending++
    return {
      cancel: () => {
        if (event.cancelled) return
        event.cancelled = true
        this.#pending--
      },
    }
  }

  /** Timers that will still fire. */
  get pendingTimers(): number {
    return this.#pending
  }

  /** Events that have happened; a cheap measure of a scenario's size. */
  get eventCount(): number {
    return this.#eventCount
  }

  /** The calendar of the machine jumps, as when its owner sets it; `now` does not notice. */
  jumpWall(milliseconds: number): void {
    this.#wallOffset += milliseconds
  }

  /** Lets exactly `milliseconds` pass. */
  async run(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds
    await this.#loop(() => (this.#nextTime() > end ? "stop" : "go"))
    this.#now = end
  }

  /** Runs until nothing is left to happen. @throws SimulationError when that takes longer than `limit` ms */
  async runUntilIdle(limit = 3_600_000): Promise<void> {
    const end = this.#now + limit
    await this.#loop(() => {
      if (this.#nextTime() === Number.POSITIVE_INFINITY) return "stop"
      if (this.#nextTime() > end) throw new SimulationError(`still busy after ${limit} ms of virtual time`)
      return "go"
    })
  }

  /**
   * Runs until the promise settles (its value is returned, its error thrown) or the predicate holds.
   * @throws SimulationError when `limit` ms of virtual time pass, or nothing is left to happen, before that
   */
  async runUntil(goal: () => boolean, limit?: number): Promise<void>
  async runUntil<T>(goal: Promise<T>, limit?: number): Promise<T>
  async runUntil<T>(goal: Promise<T> | (() => boolean), limit = 3_600_000): Promise<T | undefined> {
    const end = this.#now + limit
    let outcome: { value: T } | { error: unknown } | undefined
    if (typeof goal !== "function") {
      goal.then(
        (value) => {
          outcome = { value }
        },
        (error: unknown) => {
          outcome = { error }
        },
      )
    }
    await this.#loop(() => {
      if (typeof goal === "function" ? goal() : outcome !== undefined) return "stop"
      const next = this.#nextTime()
      if (next === Number.POSITIVE_INFINITY) {
        throw new SimulationError(`nothing is left to happen at ${this.#now} ms, and the goal is not reached`)
      }
      if (next > end) throw new SimulationError(`the goal is not reached after ${limit} ms of virtual time`)
      return "go"
    })
    if (outcome === undefined) return undefined
    if ("error" in outcome) throw outcome.error
    return outcome.value
  }

  async #loop(decide: () => "go" | "stop"): Promise<void> {
    if (this.#running) throw new SimulationError("the clock is being run already")
    this.#running = true
    try {
      let sameMoment = 0
      for (;;) {
        await settle()
        if (decide() === "stop") return
        const event = pop(this.#heap)!
        sameMoment = event.at > this.#now ? 0 : sameMoment + 1
        if (sameMoment > LIVELOCK_EVENTS) throw new SimulationError(`time stands still at ${this.#now} ms`)
        this.#now = event.at
        event.cancelled = true
        this.#pending--
        this.#eventCount++
        event.fn()
      }
    } finally {
      this.#running = false
    }
  }

  #nextTime(): number {
    while (this.#heap[0]?.cancelled) pop(this.#heap)
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY
  }
}

/**
 * The clock of one simulated process: it dies with it. Everything a process waits for comes through its clock, so a
 * stopped clock is a dead process.
 */
export class ProcessClock implements Clock {
  readonly #clock: VirtualClock
  readonly #timers = new Set<Timer>()
  /** What was due while the process was suspended; undefined while it runs. */
  #overdue: (() => void)[] | undefined
  #stopped = false

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  wallTime(): number {
    return this.#clock.wallTime()
  }

  /** Timers of this process that will still fire: zero after a clean stop. */
  get pendingTimers(): number {
    return this.#timers.size
  }

  after(delay: number, fn: () => void): Timer {
    if (this.#stopped) return { cancel() {} }
    const fire = (): void => {
      if (this.#overdue !== undefined) this.#overdue.push(fireSoon)
      else if (this.#timers.delete(timer)) fn()
    }
    const fireSoon = (): void => {
      inner = this.#clock.after(0, fire)
    }
    let inner = this.#clock.after(delay, fire)
    const timer: Timer = {
      cancel: () => {
        this.#timers.delete(timer)
        inner.cancel()
      },
    }
    this.#timers.add(timer)
    return timer
  }

  stop(): void {
    this.#stopped = true
    for (const timer of [...this.#timers]) timer.cancel()
  }

  /** As `kill -STOP` does: time passes, and no timer fires. */
  suspend(): void {
    this.#overdue ??= []
  }

  /** Timers that were due meanwhile fire at once, in their order. */
  resume(): void {
    const overdue = this.#overdue ?? []
    this.#overdue = undefined
    for (const fireSoon of overdue) fireSoon()
  }
}

/** A turn of the real event loop: microtasks and ticks have all run when it comes. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

function push(heap: Event[], event: Event): void {
  let at = heap.push(event) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!before(event, heap[parent]!)) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = event
}

function pop(heap: Event[]): Event | undefined {
  const top = heap[0]
  const last = heap.pop()
  if (heap.length === 0 || last === undefined) return top
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
    if (!before(heap[child]!, last)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = last
  return top
}
