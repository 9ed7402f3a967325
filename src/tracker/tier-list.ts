import type { Random } from "../ports/random.js"
import type { TrackerSchedule } from "./schedule.js"

/**
 * A tracker that has not answered for so long gets company. BEP 12 would wait for its failure, but the first tracker of
 * old torrents is often dead, and a UDP tracker that is dead takes minutes to be known as such.
 */
const SLOW_AFTER = 3_000

/** What the order of asking depends on. */
export interface Askable {
  /** Which tier of the torrent it is from, from 0. */
  readonly tier: number
  readonly schedule: TrackerSchedule
  /** Since when its answer is awaited; undefined when it is not being asked. */
  readonly askedAt: number | undefined
}

/**
 * In which order trackers are asked (BEP 12): within a tier one after the other until one answers, in an order drawn
 * once, and the one that answers goes to the front and is asked from then on.
 *
 * Later tiers of a public torrent are asked as soon as those before have nothing to give: all of them failed or are slow,
 * or the answer had no peers, or more are wanted. BEP 12 would ask them only after failures; we want the first byte
 * soon. A tier once asked stays in use, so that the swarms of two trackers meet through us.
 *
 * A private torrent uses one tracker at a time, from all its tiers, and goes to the next only when it fails (BEP 27).
 */
export class TierList<T extends Askable> {
  readonly #lanes: Lane<T>[] = []
  readonly #isPrivate: boolean
  readonly #random: Random
  /** How many lanes are in use. */
  #open = 1
  /** When the last of them was taken into use. */
  #openedAt: number | undefined

  constructor(trackers: readonly T[], { isPrivate, random }: { isPrivate: boolean; random: Random }) {
    this.#isPrivate = isPrivate
    this.#random = random
    if (isPrivate) this.#lanes.push(new Lane([], Number.POSITIVE_INFINITY))
    this.add(trackers)
  }

  /** More trackers, of tiers that come after those that are there. */
  add(trackers: readonly T[]): void {
    const tiers = [...new Set(trackers.map(({ tier }) => tier))].sort((a, b) => a - b)
    const shuffledTiers = tiers.map((tier) =>
      shuffled(
        trackers.filter((tracker) => tracker.tier === tier),
        this.#random,
      ),
    )
    if (this.#isPrivate) this.#lanes[0]!.trackers.push(...shuffledTiers.flat())
    else this.#lanes.push(...shuffledTiers.map((tier) => new Lane(tier, SLOW_AFTER)))
  }

  /** Who is to be asked now, if anyone. Call it again, after the tracker's `askedAt` is set, until it answers undefined. */
  next(now: number): T | undefined {
    this.#openedAt ??= now
    for (let at = 0; at < this.#lanes.length; at++) {
      if (at === this.#open) {
        if (!this.#lanes[at - 1]!.isSpent(now)) return undefined
        this.#openNext(now)
      }
      const tracker = this.#lanes[at]!.next(now)
      if (tracker !== undefined) return tracker
    }
    return undefined
  }

  /** When {@link next} may have another answer than undefined, if nothing happens before. */
  wakeAt(now: number): number | undefined {
    const times = this.#lanes.slice(0, this.#open).flatMap((lane) => lane.wakeTimes(now))
    return times.length === 0 ? undefined : Math.min(...times)
  }

  /** `tracker` answered; `enough` tells whether there was something in it for us. */
  answered(tracker: T, now: number, enough: boolean): void {
    const at = this.#lanes.findIndex((lane) => lane.trackers.includes(tracker))
    this.#lanes[at]?.answered(tracker)
    if (!enough && at === this.#open - 1) this.#openNext(now)
  }

  failed(tracker: T): void {
    for (const lane of this.#lanes) lane.failed(tracker)
  }

  /** More peers are wanted: the trackers in use are asked as soon as they allow, and so is the next tier, in a while. */
  hasten(now: number): void {
    for (const lane of this.#lanes.slice(0, this.#open)) lane.hasten()
    if (now - (this.#openedAt ?? now) >= SLOW_AFTER) this.#openNext(now)
  }

  /** Everyone, in the order of asking. */
  get trackers(): readonly T[] {
    return this.#lanes.flatMap((lane) => lane.trackers)
  }

  #openNext(now: number): void {
    this.#open = Math.min(this.#open + 1, this.#lanes.length)
    this.#openedAt = now
  }
}

/** Trackers of which one is in use at a time, called the leader: a tier, or all tiers of a private torrent. */
class Lane<T extends Askable> {
  readonly trackers: T[]
  readonly #slowAfter: number
  #leader: T | undefined

  constructor(trackers: T[], slowAfter: number) {
    this.trackers = trackers
    this.#slowAfter = slowAfter
  }

  next(now: number): T | undefined {
    if (this.trackers.some((tracker) => tracker.askedAt !== undefined && !this.#isSlow(tracker, now))) return undefined
    return this.#candidates().find((tracker) => (this.#dueAt(tracker) ?? Number.POSITIVE_INFINITY) <= now)
  }

  wakeTimes(now: number): number[] {
    const turningSlow = this.trackers
      .filter((tracker) => tracker.askedAt !== undefined && !this.#isSlow(tracker, now))
      .map((tracker) => tracker.askedAt! + this.#slowAfter)
    if (turningSlow.length > 0) return turningSlow.filter((time) => time < Number.POSITIVE_INFINITY)
    return this.#candidates()
      .map((tracker) => this.#dueAt(tracker))
      .filter((time) => time !== null)
  }

  /** Nothing is to be expected here soon. */
  isSpent(now: number): boolean {
    return this.trackers.every((tracker) => tracker.schedule.failures > 0 || this.#isSlow(tracker, now))
  }

  answered(tracker: T): void {
    if (this.#leader !== undefined && this.#leader !== tracker && this.#leader.askedAt === undefined) return
    this.#leader = tracker
    // To the front of its own tier.
    this.trackers.splice(this.trackers.indexOf(tracker), 1)
    const front = this.trackers.findIndex(({ tier }) => tier >= tracker.tier)
    this.trackers.splice(front < 0 ? this.trackers.length : front, 0, tracker)
  }

  failed(tracker: T): void {
    if (this.#leader === tracker) this.#leader = undefined
  }

  hasten(): void {
    this.#leader?.schedule.hasten()
  }

  /** Who may be asked: the leader, or, when there is none or it is slow, the others in their order. */
  #candidates(): T[] {
    if (this.#leader !== undefined && this.#leader.askedAt === undefined) return [this.#leader]
    return this.trackers.filter((tracker) => tracker.askedAt === undefined)
  }

  #dueAt(tracker: T): number | null {
    return tracker === this.#leader ? tracker.schedule.nextAt : tracker.schedule.reserveAt
  }

  #isSlow(tracker: T, now: number): boolean {
    // As `wakeTimes` has it: a difference of the same numbers may be a little less than what was added.
    return tracker.askedAt !== undefined && now >= tracker.askedAt + this.#slowAfter
  }
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  const result = [...list]
  for (let last = result.length - 1; last > 0; last--) {
    const other = random.below(last + 1)
    ;[result[last], result[other]] = [result[other]!, result[last]!]
  }
  return result
}
