import { Occupancy } from "../bytes/occupancy.js"
import type { Clock } from "../ports/clock.js"

/** What one stage on the way to the disk did. Times are in milliseconds. */
export interface StageStats {
  /** Bytes that passed through it. */
  readonly bytes: number
  /** Time in which it had something to do: `bytes / busy` is its rate. */
  readonly busy: number
  /** Pieces in it at the same time: on average while there were any, and at most. */
  readonly meanPieces: number
  readonly maxPieces: number
}

/** Pieces that went to worker threads to be hashed and written in one step. Times are in milliseconds. */
export interface StoreStats extends StageStats {
  /** The time that these threads spent with hashing, and with writing. */
  readonly hashing: number
  readonly writing: number
}

/** How full pieces reached the disk: most in one step, some in two. Times are in milliseconds. */
export interface CommitStats {
  /** Being hashed and written in one step, or waiting for that. */
  readonly store: StoreStats
  /** Being hashed, or waiting for a hash worker. */
  readonly hash: StageStats
  /** Being written, or waiting for their turn in a file. */
  readonly disk: StageStats
  /** Pieces that were stored or, because they were wrong, refused. */
  readonly pieces: number
  /** The time from full to stored or refused, including all waiting: on average, and at most. */
  readonly meanTime: number
  readonly maxTime: number
}

/** One part of the way. */
class Stage {
  readonly #clock: Clock
  readonly #occupancy = new Occupancy()
  #bytes = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `work` takes so many pieces and bytes through. */
  async during<T>(pieces: number, bytes: number, work: () => Promise<T>): Promise<T> {
    this.#occupancy.add(pieces, this.#clock.now())
    try {
      const result = await work()
      this.#bytes += bytes
      return result
    } finally {
      this.#occupancy.add(-pieces, this.#clock.now())
    }
  }

  stats(): StageStats {
    const now = this.#clock.now()
    const busy = this.#occupancy.busy(now)
    return {
      bytes: this.#bytes,
      busy,
      meanPieces: busy > 0 ? this.#occupancy.time(now) / busy : 0,
      maxPieces: this.#occupancy.max,
    }
  }
}

/** Hashing and writing in one go. */
class StoreStage extends Stage {
  #hashing = 0
  #writing = 0

  /** The threads were at it for so long, ms. */
  took(hashing: number, writing: number): void {
    this.#hashing += hashing
    this.#writing += writing
  }

  override stats(): StoreStats {
    return { ...super.stats(), hashing: this.#hashing, writing: this.#writing }
  }
}

/** Measures where full pieces spend their time: two looks at the clock for each piece, four for each batch. */
export class CommitMeter {
  readonly store: StoreStage
  readonly hash: Stage
  readonly disk: Stage
  readonly #clock: Clock
  #pieces = 0
  #time = 0
  #maxTime = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.store = new StoreStage(clock)
    this.hash = new Stage(clock)
    this.disk = new Stage(clock)
  }

  /** Clock time, ms: to be given to {@link settled}. */
  now(): number {
    return this.#clock.now()
  }

  /** A piece that was full at `since` came to an end. */
  settled(since: number): void {
    const time = this.#clock.now() - since
    this.#pieces++
    this.#time += time
    if (time > this.#maxTime) this.#maxTime = time
  }

  stats(): CommitStats {
    return {
      store: this.store.stats(),
      hash: this.hash.stats(),
      disk: this.disk.stats(),
      pieces: this.#pieces,
      meanTime: this.#pieces > 0 ? this.#time / this.#pieces : 0,
      maxTime: this.#maxTime,
    }
  }
}
