import type { Endpoint } from "../ports/net.js"
import { ownerOf } from "./contact.js"

/** Queries of one owner in a span of time, ms (libtorrent: 5 a second over 10 s). */
const SPAN = 10_000
const MAX_IN_SPAN = 50
/** ms of silence after which one that asked for more is heard again (libtorrent: 5 min). */
const SILENCE = 5 * 60_000
/** Owners that are counted; the one that asked longest ago makes way for another. */
const MAX_OWNERS = 2000

interface Count {
  since: number
  queries: number
  /** Clock ms until which nothing is heard; each query moves it. */
  deafUntil: number
}

/** Turns away who asks too much. */
export class FloodGuard {
  /** Who was silent longest is first. */
  readonly #counts = new Map<string, Count>()

  /** A query came from there: whether it is to be answered. */
  admits(from: Endpoint, now: number): boolean {
    const key = ownerOf(from)
    const count = this.#counts.get(key) ?? { since: now, queries: 0, deafUntil: 0 }
    this.#counts.delete(key)
    if (this.#counts.size >= MAX_OWNERS) this.#forgetOne()
    this.#counts.set(key, count)
    if (now < count.deafUntil) {
      count.deafUntil = now + SILENCE
      return false
    }
    if (now - count.since >= SPAN) {
      count.since = now
      count.queries = 0
    }
    if (++count.queries <= MAX_IN_SPAN) return true
    count.deafUntil = now + SILENCE
    return false
  }

  #forgetOne(): void {
    for (const key of this.#counts.keys()) {
      this.#counts.delete(key)
      return
    }
  }
}
