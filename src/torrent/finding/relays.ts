import { Allowance } from "../../bytes/allowance.js"

/** ms */
const MINUTE = 60_000
/** What one peer is asked for in a minute at most: as much as we do for others. */
const MAX_REQUESTS = 10
/** Peers asked to bring us together with one address. */
const MAX_ASKED = 2

/** Whom we ask to bring us together with others (BEP 55): everybody in his turn, and nobody too often. */
export class Relays<Peer> {
  /** Those that were asked; who was longest ago is first. */
  readonly #asked = new Map<Peer, Allowance>()

  /** Two of those who are able, or as many as there are, to be asked now. */
  take(able: Iterable<Peer>, now: number): Peer[] {
    const rest = new Set(able)
    const inTurn = [...this.#asked.keys()].filter((peer) => rest.delete(peer))
    const taken: Peer[] = []
    for (const peer of [...rest, ...inTurn]) {
      if (taken.length === MAX_ASKED) break
      const allowance = this.#asked.get(peer) ?? new Allowance(MAX_REQUESTS, MINUTE)
      if (!allowance.take(now)) continue
      this.#asked.delete(peer)
      this.#asked.set(peer, allowance)
      taken.push(peer)
    }
    return taken
  }

  forget(peer: Peer): void {
    this.#asked.delete(peer)
  }
}
