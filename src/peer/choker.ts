/** Between two rounds, ms (BEP 3): peers must not be choked and unchoked in quick turn. */
const ROUND = 10_000
/** How long the optimistic unchoke stays with a peer, ms (BEP 3). */
const OPTIMISTIC_ROUND = 30_000
/** Peers that are unchoked at a time (libtorrent and Transmission: 8). */
const DEFAULT_SLOTS = 8
/** When seeding, a peer's turn ends after so many bytes or so many ms, if others wait (libtorrent: 20 pieces, a minute). */
const TURN_BYTES = 32 << 20
const TURN_TIME = 60_000

/** A peer, as far as choking is concerned. */
export interface ChokeCandidate {
  /** Stays the same as long as the peer is connected, and is not used again. */
  readonly id: number
  readonly interested: boolean
  /** We choke it now. */
  readonly choked: boolean
  /** It owes us blocks and does not send them. */
  readonly snubbed: boolean
  /** Bytes a second from it to us. */
  readonly downloadRate: number
  /** Bytes given to it since the connection stands. */
  readonly uploaded: number
}

/** A peer's standing over the rounds. */
interface Standing {
  /** When its present turn began; undefined while it is choked. */
  since: number | undefined
  uploadedBefore: number
  /** When its last turn ended, ms; those who never had one come first. */
  waitingSince: number
}

/**
 * Whom to upload to (BEP 3). A free slot goes at once to whoever is interested. When there are more than slots: while
 * downloading, those who give us most, and one more in turn, to find out what it gives; when seeding, each in turn.
 */
export class Choker {
  readonly #slots: number
  readonly #standings = new Map<number, Standing>()
  #lastRound = Number.NEGATIVE_INFINITY
  #optimistic: number | undefined
  #optimisticSince = Number.NEGATIVE_INFINITY

  constructor(slots: number = DEFAULT_SLOTS) {
    this.#slots = slots
  }

  /**
   * The ids of those to be unchoked; choke all others. May be called at any time, and should be when interest changes
   * or a peer leaves, and a few times a second besides. Only every 10 s does anyone interested lose a slot.
   */
  choose(candidates: readonly ChokeCandidate[], options: { now: number; seeding: boolean }): Set<number> {
    const { now, seeding } = options
    this.#follow(candidates, now)
    const interested = candidates.filter((candidate) => candidate.interested)
    const due = now - this.#lastRound >= ROUND
    if (due) this.#lastRound = now
    const ranked = !due
      ? this.#keep(interested, seeding)
      : seeding
        ? this.#inTurn(interested, now)
        : this.#titForTat(interested, now)
    const chosen = new Set(ranked.slice(0, this.#slots).map((candidate) => candidate.id))
    for (const { id, uploaded } of candidates) this.#settle(id, chosen.has(id), uploaded, now)
    return chosen
  }

  /** Those who have a slot keep it; the rest line up for the free ones. */
  #keep(interested: readonly ChokeCandidate[], seeding: boolean): ChokeCandidate[] {
    const waiting = this.#byWaiting(interested.filter((candidate) => candidate.choked))
    if (!seeding) waiting.sort((a, b) => b.downloadRate - a.downloadRate)
    return [...interested.filter((candidate) => !candidate.choked), ...waiting]
  }

  #inTurn(interested: readonly ChokeCandidate[], now: number): ChokeCandidate[] {
    const serving = interested.filter((candidate) => !candidate.choked)
    const turnOver = (candidate: ChokeCandidate): boolean => {
      const { since, uploadedBefore } = this.#standing(candidate.id)
      return candidate.uploaded - uploadedBefore >= TURN_BYTES || now - (since ?? now) >= TURN_TIME
    }
    return [
      ...serving.filter((candidate) => !turnOver(candidate)),
      ...this.#byWaiting(interested.filter((candidate) => candidate.choked)),
      ...serving.filter(turnOver),
    ]
  }

  #titForTat(interested: readonly ChokeCandidate[], now: number): ChokeCandidate[] {
    // Among equals, those who have a slot keep it.
    const byRate = interested
      .filter((candidate) => !candidate.snubbed)
      .sort((a, b) => b.downloadRate - a.downloadRate || Number(a.choked) - Number(b.choked))
    const givers = byRate.slice(0, this.#slots - 1)
    const others = interested.filter((candidate) => !givers.includes(candidate))
    let optimistic = others.find((candidate) => candidate.id === this.#optimistic)
    if (optimistic === undefined || now - this.#optimisticSince >= OPTIMISTIC_ROUND) {
      optimistic = this.#byWaiting(others.filter((candidate) => candidate.choked))[0] ?? others[0]
      this.#optimistic = optimistic?.id
      this.#optimisticSince = now
    }
    if (optimistic === undefined) return givers
    return [...givers, optimistic, ...others.filter((candidate) => candidate !== optimistic)]
  }

  /** Longest wait first. */
  #byWaiting(candidates: readonly ChokeCandidate[]): ChokeCandidate[] {
    return [...candidates].sort((a, b) => this.#standing(a.id).waitingSince - this.#standing(b.id).waitingSince)
  }

  #standing(id: number): Standing {
    let standing = this.#standings.get(id)
    if (standing === undefined) {
      standing = { since: undefined, uploadedBefore: 0, waitingSince: Number.NEGATIVE_INFINITY }
      this.#standings.set(id, standing)
    }
    return standing
  }

  /** Forgets those who left, and notes what the peers' own choked flags say. */
  #follow(candidates: readonly ChokeCandidate[], now: number): void {
    const present = new Set(candidates.map((candidate) => candidate.id))
    for (const id of this.#standings.keys()) if (!present.has(id)) this.#standings.delete(id)
    for (const { id, choked, uploaded } of candidates) this.#settle(id, !choked, uploaded, now)
  }

  #settle(id: number, unchoked: boolean, uploaded: number, now: number): void {
    const standing = this.#standing(id)
    if (unchoked === (standing.since !== undefined)) return
    if (unchoked) {
      standing.since = now
      standing.uploadedBefore = uploaded
    } else {
      standing.since = undefined
      standing.waitingSince = now
    }
  }
}
