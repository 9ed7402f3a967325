import { BLOCK_LENGTH } from "../metainfo/layout.js"

/** Blocks asked for before anything is known of the peer. */
const START = 32
/** Blocks; fewer would leave the connection idle between answer and request. */
const LEAST = 4
/** Blocks; 16 MB under way fill any link, and what is asked for must fit into memory. */
const MOST = 1000
/** What a peer takes that does not say (BEP 10 names libtorrent's 250). */
const DEFAULT_REQUEST_QUEUE = 250
/** A round in which the rate grew less than this ends the doubling. */
const GROWTH = 1.1
/** A round lasts until a window full of blocks has come, or so long, ms. */
const LONGEST_ROUND = 1000
/** Once the rate is known, it is corrected no more often, ms. */
const SHORTEST_ROUND = 250
/** Requests go out many in one turn, not one by one: when a quarter of the window is free (MonoTorrent), or so many. */
const REFILL_SHARE = 0.25
const REFILL_BLOCKS = 64
/** Seconds of the delivered rate that are asked for ahead: survives the short pauses of both sides. */
const AHEAD = 1

/**
 * How many requests to keep outstanding at one peer: as deep as bandwidth times delay asks for, without anyone telling.
 *
 * At first it doubles with each round as long as that makes blocks come faster; then it follows the delivered rate, for
 * twice the shortest delay seen or one second, whichever is more. Twice, so that a link which gets faster is noticed.
 */
export class RequestWindow {
  #size = START
  #limit = DEFAULT_REQUEST_QUEUE
  #doubling = true
  #snubbed = false
  /** Bytes a second, of the last round or smoothed. */
  #rate = 0
  #shortestLatency = Number.POSITIVE_INFINITY
  #roundStart: number | undefined
  #roundBlocks = 0
  #roundBytes = 0
  /** In this round there were fewer requests than the window allowed, so it says little about the peer. */
  #starved = false

  /** Requests that may be outstanding. */
  get size(): number {
    return this.#snubbed ? 1 : Math.min(this.#size, this.#limit)
  }

  /** Bytes a second that the peer delivers, as far as it has shown; 0 while nothing is known, and for a snubbed one. */
  get rate(): number {
    return this.#snubbed ? 0 : this.#rate
  }

  /** True when enough of the window is free to ask for more. */
  isLow(outstanding: number): boolean {
    return this.size - outstanding >= Math.min(REFILL_SHARE * this.size, REFILL_BLOCKS)
  }

  /** It let us wait too long; until its next block it gets one request. */
  get snubbed(): boolean {
    return this.#snubbed
  }

  /** The peer said how many requests it takes (`reqq`). */
  limit(requestQueue: number): void {
    this.#limit = Math.max(1, Math.min(requestQueue, MOST))
  }

  /** Called when there are fewer requests outstanding than allowed, because there was nothing to ask for. */
  starved(): void {
    this.#starved = true
  }

  snub(): void {
    this.#snubbed = true
  }

  /** Requests go out after none were outstanding: the time before does not count. */
  restart(now: number): void {
    this.#roundStart = now
    this.#roundBlocks = 0
    this.#roundBytes = 0
    this.#starved = false
  }

  /** A block of so many bytes came, `latency` ms after its request. */
  delivered(bytes: number, latency: number, now: number): void {
    this.#shortestLatency = Math.min(this.#shortestLatency, latency)
    if (this.#snubbed) {
      this.#snubbed = false
      this.#doubling = true
      this.#size = LEAST
      this.#rate = 0
      this.restart(now)
    }
    this.#roundBlocks++
    this.#roundBytes += bytes
    const elapsed = now - (this.#roundStart ?? now)
    if (elapsed < LONGEST_ROUND) {
      if (this.#roundBlocks < this.size) return
      if (!this.#doubling && elapsed < SHORTEST_ROUND) return
    }
    this.#endRound(elapsed)
    this.restart(now)
  }

  #endRound(elapsed: number): void {
    if (elapsed === 0) {
      // Faster than the clock can tell.
      this.#size = Math.min(2 * this.#size, MOST)
      return
    }
    const rate = (this.#roundBytes * 1000) / elapsed
    if (this.#doubling) {
      if (this.#starved) return
      // A window that lasts longer than a round is deep enough.
      if (this.#roundBlocks >= this.size && rate >= GROWTH * this.#rate) {
        this.#size = Math.min(2 * this.#size, MOST)
        this.#rate = rate
        return
      }
      this.#doubling = false
      this.#rate = Math.max(rate, this.#rate)
    } else if (rate > this.#rate || !this.#starved) {
      this.#rate = (this.#rate + rate) / 2
    }
    const seconds = Math.max(AHEAD, (2 * this.#shortestLatency) / 1000)
    this.#size = Math.min(MOST, Math.max(LEAST, Math.ceil((this.#rate * seconds) / BLOCK_LENGTH)))
  }
}
