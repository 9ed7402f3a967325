import { type Family, familyOf, formatIp, ipScope, parseIp } from "../../bytes/ip.js"
import { networkOf } from "../network-of.js"

/** Votes remembered; a new one takes the place of the oldest. */
const MAX_VOTES = 64
/** One alone may be mistaken, or lie (BEP 40: do not blindly trust it). */
const ENOUGH = 2

interface Vote {
  readonly family: Family
  readonly address: string
}

/**
 * Our address as the internet sees it: what most of those say who have told us (trackers: BEP 24, peers: BEP 10). It is the
 * same for all torrents: one session's votes are counted together.
 */
export class ExternalAddress {
  readonly #votes = new Map<string, Vote>()
  readonly #known = new Map<Family, string>()
  readonly #listeners: (() => void)[] = []

  /** Calls `listener` as soon as our address is known, and whenever it is another. */
  whenKnown(listener: () => void): void {
    this.#listeners.push(listener)
    if (this.#known.size > 0) listener()
  }

  /** Our address as those at `host` see it, when `host` is on the internet and our address is known. */
  seenFrom(host: string): string | undefined {
    const bytes = parseIp(host)
    return bytes !== undefined && ipScope(bytes) === "public" ? this.#known.get(familyOf(host)) : undefined
  }

  /** A tracker or a peer at `host` (a name or an address) says that ours is `address`. Its network has one vote. */
  vote(host: string, address: Uint8Array): void {
    if (ipScope(address) !== "public") return
    const text = formatIp(address)
    const family = familyOf(text)
    const source = `${family} ${networkOf(host)}`
    this.#votes.delete(source)
    this.#votes.set(source, { family, address: text })
    if (this.#votes.size > MAX_VOTES) this.#votes.delete(this.#votes.keys().next().value!)
    this.#count(family)
  }

  #count(family: Family): void {
    const counts = new Map<string, number>()
    for (const vote of this.#votes.values()) {
      if (vote.family === family) counts.set(vote.address, (counts.get(vote.address) ?? 0) + 1)
    }
    const known = this.#known.get(family)
    let best = known
    let most = Math.max(ENOUGH - 1, counts.get(known ?? "") ?? 0)
    for (const [address, count] of counts) if (count > most) [best, most] = [address, count]
    if (best === undefined || best === known) return
    this.#known.set(family, best)
    for (const listener of this.#listeners) listener()
  }
}
