import { BLOCK_LENGTH } from "../metainfo/layout.js"
import { RequestTable } from "./request-table.js"
import { RequestWindow } from "./request-window.js"

/** A peer that owes us blocks and sends none for so many ms is snubbed: at least, and at most (libtorrent: 20 s and 60 s). */
const LEAST_SNUB_TIME = 20_000
const MOST_SNUB_TIME = 60_000
/** In between, so many times the usual latency. */
const SNUB_LATENCIES = 4
/** A request that others have overtaken for so many ms was lost (libtorrent: 60 s). */
const REQUEST_TIMEOUT = 60_000
/** Weight of the newest latency in the mean. */
const LATENCY_WEIGHT = 1 / 16
/** Blocks and rejects nobody asked for that are forgiven (a choke may cross them on the way); then it is a flood. */
const MAX_STRAYS = 64

/** What we asked of one peer and have not got yet. */
export class OwnRequests {
  readonly window = new RequestWindow()
  /** Block → time of the request, ms. */
  readonly #table = new RequestTable()
  #latency = 0
  #asked = false
  /** When the peer last did something about our requests, ms. */
  #progress = 0
  /** When the latest of the answered requests was made, ms. */
  #answeredUpTo = 0
  /** Answers that may still come to requests given up. */
  #forgiven = MAX_STRAYS

  get size(): number {
    return this.#table.size
  }

  has(block: number): boolean {
    return this.#table.has(block)
  }

  /** It was asked for blocks, and none has come yet. */
  get unanswered(): boolean {
    return this.#asked && this.#latency === 0
  }

  /** The outstanding blocks, oldest first. */
  blocks(): number[] {
    return this.#table.keys()
  }

  /** False when the block was asked for already. */
  add(block: number, now: number): boolean {
    if (this.#table.size === 0) {
      this.#progress = now
      this.window.restart(now)
    }
    this.#asked = true
    return this.#table.add(block, now)
  }

  /** Bytes of a block came. */
  progress(now: number): void {
    this.#progress = now
  }

  /** So many ms passed that do not count. */
  pass(span: number): void {
    this.#progress += span
  }

  /** A block came whole. False when it was not asked for. */
  answered(block: number, bytes: number, now: number): boolean {
    const since = this.#table.delete(block)
    if (since === undefined) return false
    const latency = now - since
    this.#answeredUpTo = Math.max(this.#answeredUpTo, since)
    this.#latency = this.#latency === 0 ? latency : this.#latency + LATENCY_WEIGHT * (latency - this.#latency)
    this.#progress = now
    this.window.delivered(bytes, latency, now)
    return true
  }

  /** The peer will not send it. False when it was not asked to. */
  rejected(block: number, now: number): boolean {
    const since = this.#table.delete(block)
    if (since === undefined) return false
    this.#answeredUpTo = Math.max(this.#answeredUpTo, since)
    this.#progress = now
    return true
  }

  /** We don't wait for it any longer, but an answer may come. False when it was not outstanding. */
  giveUp(block: number): boolean {
    if (this.#table.delete(block) === undefined) return false
    this.#forgiven++
    return true
  }

  /** An answer came to no request. False when there were too many. */
  stray(): boolean {
    return this.#forgiven-- > 0
  }

  /** Milliseconds until all will have come, at the rate of late; one who keeps us waiting may do so as long again. */
  timeLeft(now: number): number {
    if (this.#table.size === 0) return 0
    const { rate } = this.window
    return now - this.#progress + (rate === 0 ? 0 : (this.#table.size * BLOCK_LENGTH * 1000) / rate)
  }

  /** True when the peer has let us wait too long for any block. */
  isOverdue(now: number): boolean {
    const patience = Math.min(MOST_SNUB_TIME, Math.max(LEAST_SNUB_TIME, SNUB_LATENCIES * this.#latency))
    return this.#table.size > 0 && now - this.#progress >= patience
  }

  /** The oldest block, if its request was lost. One that waits its turn at a slow peer is not. */
  lost(now: number): number | undefined {
    const oldest = this.#table.firstValue
    if (oldest === undefined || oldest >= this.#answeredUpTo) return undefined
    return now - oldest >= REQUEST_TIMEOUT ? this.#table.keyAt(0) : undefined
  }
}
