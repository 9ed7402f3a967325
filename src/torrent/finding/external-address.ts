import { type Family, familyOf, formatIp } from "../../bytes/ip.js"
import { ipScope } from "../../bytes/ip-scope.js"
import type { Endpoint } from "../../ports/net.js"
import { networkOf } from "../network-of.js"
import { scopeOf } from "./contact.js"

/** Votes remembered; a new one takes the place of the oldest. */
const MAX_VOTES = 64
/** One alone may be mistaken, or lie (BEP 40: do not blindly trust it). */
const ENOUGH = 2

interface Vote {
  readonly family: Family
  readonly address: string
}

/**
 * Our address and TCP port as the internet sees them. The address is what most of those say who have told us (trackers: BEP 24,
 * peers: BEP 10). It is the same for all torrents: one session's votes are counted together.
 */
export class ExternalAddress {
  /** Where we listen; undefined when we do not. */
  listenPort: number | undefined
  /** Where a router lets in who comes by IPv4: routers map no others. Undefined: where we listen, for all we know. */
  outerPort: number | undefined
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
    return scopeOf(host) === "public" ? this.#known.get(familyOf(host)) : undefined
  }

  /** The port at which the internet reaches us; undefined when we do not listen. */
  port(family: Family): number | undefined {
    return family === 4 ? (this.outerPort ?? this.listenPort) : this.listenPort
  }

  /** The same for those at `host`, which may be a neighbour. */
  portSeenFrom(host: string): number | undefined {
    return scopeOf(host) === "public" ? this.port(familyOf(host)) : this.listenPort
  }

  /** Whether that is where the internet reaches us, as far as we know. */
  isOwn({ host, port }: Endpoint): boolean {
    return host === this.seenFrom(host) && port === this.portSeenFrom(host)
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
