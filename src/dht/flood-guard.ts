import type { Endpoint } from "../ports/net.js"
import { isPublic, keyOf } from "./contact.js"

/** Queries of one address in a span of time, ms (libtorrent: 5 a second over 10 s). */
const SPAN = 10_000
const MAX_IN_SPAN = 50
/** ms of silence after which one that asked for more is heard again (libtorrent: 5 min). */
const SILENCE = 5 * 60_000
/** Addresses that are counted; the one that asked longest ago makes way for another. */
const MAX_ADDRESSES = 2000

interface Count {
  since: number
  queries: number
  /** Clock ms until which nothing is heard; each query moves it. */
  deafUntil: number
}

/** Turns away addresses that ask too much. */
export class FloodGuard {
  /** The address that was silent longest first. */
  readonly #counts = new Map<string, Count>()

  /** A query came from there: whether it is to be answered. */
  admits(from: Endpoint, now: number): boolean {
    // On one machine or behind one gateway of a lab are many nodes; elsewhere a port costs nothing.
    const key = isPublic(from.host) ? from.host : keyOf(from)
    const count = this.#counts.get(key) ?? { since: now, queries: 0, deafUntil: 0 }
    this.#counts.delete(key)
    if (this.#counts.size >= MAX_ADDRESSES) this.#forgetOne()
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
