import { holdingOf } from "../bytes/ip-scope.js"
import { isPublic } from "./contact.js"

/** Voters remembered; the next round begins when they have all spoken. */
const MAX_VOTERS = 50
/** So many must agree, and be more than twice as many as for any other address. */
const MIN_VOTES = 5

/**
 * Finds out what our address looks like from outside, from what the nodes that answer us say (BEP 42). One liar moves
 * nothing, and one owner of addresses has one vote.
 */
export class AddressVote {
  /** What each owner said. */
  readonly #votes = new Map<string, string>()
  #elected: string | undefined

  /** The address we are seen at; undefined as long as there is no agreement. */
  get address(): string | undefined {
    return this.#elected
  }

  /** `voter` saw us at `address`. True when that changes what {@link address} says. */
  cast(voter: string, address: string): boolean {
    const owner = holdingOf(voter)
    if (!isPublic(address) || !isPublic(voter) || this.#votes.has(owner)) return false
    this.#votes.set(owner, address)
    const counts = new Map<string, number>()
    for (const named of this.#votes.values()) counts.set(named, (counts.get(named) ?? 0) + 1)
    if (this.#votes.size >= MAX_VOTERS) this.#votes.clear()
    const [first, second] = [...counts].sort(([, a], [, b]) => b - a)
    if (first === undefined || first[1] < MIN_VOTES || first[1] <= 2 * (second?.[1] ?? 0)) return false
    if (first[0] === this.#elected) return false
    this.#elected = first[0]
    return true
  }
}
