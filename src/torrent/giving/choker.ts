/** Between two rounds, ms (BEP 3): peers must not be choked and unchoked in quick turn. */
const ROUND = 10_000
/** How long a peer that has not earned its slot keeps it when others wait, ms (BEP 3's optimistic unchoke). */
const CHANCE = 30_000
/** A newcomer is taken to have waited so long, ms: it has nothing to give yet (BEP 3: three times as likely to be next). */
const NEWCOMER_LEAD = 60_000
/** Peers that are unchoked at a time, at least (libtorrent and Transmission: 8). */
const LEAST_SLOTS = 8
/** Slots squared for each byte a second that is given (the first client's rule: the root of 0.6 times the KB/s). */
const SLOTS_SQUARED = 0.6 / 1000
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
  /** Bytes that it gave since the connection stands. */
  readonly downloaded: number
  /** Bytes given to it since the connection stands. */
  readonly uploaded: number
}

/** A peer's standing over the rounds. */
interface Standing {
  /** When its present turn began; undefined while it is choked. */
  since: number | undefined
  uploadedBefore: number
  /** When its last turn ended, or it came, ms: whoever waits longest is next. */
  waitingSince: number
  /** At the start of this round, bytes. */
  downloadedAtRound: number
  uploadedAtRound: number
  /** Bytes that it gave in the round before. */
  gave: number
}

/**
 * Whom to upload to (BEP 3). A free slot goes at once to whoever is interested. When there are more than slots: while
 * downloading, those who gave us most in the last round, and in the rest of the slots (there is always one) others in
 * turn, to find out what they give; when seeding, each in turn. The more is given, the more slots there are.
 */
export class Choker {
  readonly #leastSlots: number
  readonly #standings = new Map<number, Standing>()
  #slots: number
  #lastRound = Number.NEGATIVE_INFINITY

  constructor(leastSlots: number = LEAST_SLOTS) {
    this.#leastSlots = this.#slots = leastSlots
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
    if (due) this.#beginRound(candidates, now)
    const ranked = !due
      ? this.#keep(interested, seeding)
      : seeding
        ? this.#inTurn(interested, now)
        : this.#titForTat(interested, now)
    const chosen = new Set(ranked.slice(0, this.#slots).map((candidate) => candidate.id))
    for (const { id, uploaded } of candidates) this.#settle(this.#standing(id, now), chosen.has(id), uploaded, now)
    return chosen
  }

  /** Looks back at the last one. */
  #beginRound(candidates: readonly ChokeCandidate[], now: number): void {
    const seconds = (now - this.#lastRound) / 1000
    this.#lastRound = now
    let given = 0
    for (const { id, downloaded, uploaded } of candidates) {
      const standing = this.#standing(id, now)
      standing.gave = downloaded - standing.downloadedAtRound
      given += uploaded - standing.uploadedAtRound
      standing.downloadedAtRound = downloaded
      standing.uploadedAtRound = uploaded
    }
    // One less at a time: a slow moment takes away nobody's slot but the last one's.
    const slots = Math.max(Math.floor(Math.sqrt((given / seconds) * SLOTS_SQUARED)), this.#slots - 1)
    this.#slots = Math.max(this.#leastSlots, slots)
  }

  /** Those who have a slot keep it; the rest line up for the free ones. */
  #keep(interested: readonly ChokeCandidate[], seeding: boolean): ChokeCandidate[] {
    const waiting = this.#byWaiting(interested.filter((candidate) => candidate.choked))
    if (!seeding) waiting.sort((a, b) => this.#gave(b) - this.#gave(a))
    return [...interested.filter((candidate) => !candidate.choked), ...waiting]
  }

  #inTurn(interested: readonly ChokeCandidate[], now: number): ChokeCandidate[] {
    const turnOver = (candidate: ChokeCandidate): boolean => {
      const { since = now, uploadedBefore } = this.#standing(candidate.id, now)
      return candidate.uploaded - uploadedBefore >= TURN_BYTES || now - since >= TURN_TIME
    }
    return this.#untilOver(interested, turnOver)
  }

  #titForTat(interested: readonly ChokeCandidate[], now: number): ChokeCandidate[] {
    const givers = interested
      .filter((candidate) => !candidate.snubbed && this.#gave(candidate) > 0)
      .sort((a, b) => this.#gave(b) - this.#gave(a))
      .slice(0, this.#slots - 1)
    const others = interested.filter((candidate) => !givers.includes(candidate))
    const chanceOver = ({ id, snubbed }: ChokeCandidate): boolean =>
      snubbed || now - (this.#standing(id, now).since ?? now) >= CHANCE
    return [...givers, ...this.#untilOver(others, chanceOver)]
  }

  /** Those who have a slot, until their time is over; then those who wait; then the former again, latest turn first. */
  #untilOver(candidates: readonly ChokeCandidate[], isOver: (candidate: ChokeCandidate) => boolean): ChokeCandidate[] {
    const serving = candidates.filter((candidate) => !candidate.choked)
    const since = ({ id }: ChokeCandidate): number => this.#standings.get(id)?.since ?? 0
    return [
      ...serving.filter((candidate) => !isOver(candidate)),
      ...this.#byWaiting(candidates.filter((candidate) => candidate.choked)),
      ...serving.filter(isOver).sort((a, b) => since(b) - since(a)),
    ]
  }

  /** Longest wait first. */
  #byWaiting(candidates: readonly ChokeCandidate[]): ChokeCandidate[] {
    const since = ({ id }: ChokeCandidate): number => this.#standings.get(id)?.waitingSince ?? 0
    return [...candidates].sort((a, b) => since(a) - since(b))
  }

  #gave({ id }: ChokeCandidate): number {
    return this.#standings.get(id)?.gave ?? 0
  }

  #standing(id: number, now: number): Standing {
    let standing = this.#standings.get(id)
    if (standing === undefined) {
      standing = {
        since: undefined,
        uploadedBefore: 0,
        waitingSince: now - NEWCOMER_LEAD,
        downloadedAtRound: 0,
        uploadedAtRound: 0,
        gave: 0,
      }
      this.#standings.set(id, standing)
    }
    return standing
  }

  /** Forgets those who left, and notes what the peers' own choked flags say. */
  #follow(candidates: readonly ChokeCandidate[], now: number): void {
    const present = new Set(candidates.map((candidate) => candidate.id))
    for (const id of this.#standings.keys()) if (!present.has(id)) this.#standings.delete(id)
    for (const { id, choked, uploaded } of candidates) this.#settle(this.#standing(id, now), !choked, uploaded, now)
  }

  #settle(standing: Standing, unchoked: boolean, uploaded: number, now: number): void {
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
