import { Allowances } from "../../bytes/allowance.js"

/** ms */
const MINUTE = 60_000
/** What one peer is asked for in a minute at most: as much as we do for others. */
const MAX_REQUESTS = 10
/** Peers asked to bring us together with one address. */
const MAX_ASKED = 2

/** Whom we ask to bring us together with others (BEP 55): everybody in his turn, and nobody too often. */
export class Relays<Peer extends object> {
  readonly #requests = new Allowances<Peer>(MAX_REQUESTS, MINUTE)
  /** Who was asked later has the larger number. */
  readonly #lastAsked = new WeakMap<Peer, number>()
  #asked = 0

  /** Two of those who are able, or as many as there are, to be asked now. */
  take(able: Iterable<Peer>, now: number): Peer[] {
    const lastAsked = (peer: Peer): number => this.#lastAsked.get(peer) ?? 0
    const taken: Peer[] = []
    for (const peer of [...able].sort((a, b) => lastAsked(a) - lastAsked(b))) {
      if (taken.length === MAX_ASKED) break
      if (!this.#requests.take(peer, now)) continue
      this.#lastAsked.set(peer, ++this.#asked)
      taken.push(peer)
    }
    return taken
  }
}
