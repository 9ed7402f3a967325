import { Allowance } from "../../bytes/allowance.js"
import { WaitingLine } from "./waiting-line.js"

/** Connections of the whole process, unless told otherwise (libtorrent: 200). */
const MAX_CONNECTIONS = 200
/** This part of them is kept for those we open ourselves. */
const FOR_OUTGOING = 0.1
/** New ones a second, as a home router or a campus firewall bears (Transmission: 18, libtorrent: 30). */
const CONNECTS_PER_SECOND = 30

/** Who is poor gets one of another's places at most so often, ms: those who are there shall have time to give something. */
const SHARING_INTERVAL = 250

/** Who asks for connections. */
export interface Asker {
  /** How many it has, those that are being made among them. */
  readonly connections: number
}

/** A torrent that can do with fewer connections than it has. */
export interface Sharer extends Asker {
  /**
   * Ends the one that it can best do without. False when all are of use; `toNone`: it is for one that has none at all, and
   * one of many is given up though it is of use.
   */
  giveWay(now: number, toNone: boolean): boolean
}

/**
 * How many connections the torrents of one process may have, together. Where they are scarce, torrents take turns: none goes
 * without because others always ask first, or have addresses without end.
 */
export class ConnectionBudget {
  readonly #most: number
  readonly #sharers = new Set<Sharer>()
  readonly #sharing = new Allowance(1, SHARING_INTERVAL)
  readonly #connects = new Allowance(CONNECTS_PER_SECOND, 1000)
  readonly #line = new WaitingLine<Asker>()
  /** How many each has opened of {@link #connects}. */
  readonly #taken = new Map<Asker, number>()
  #open = 0

  /** `most`: connections at a time, at least 1. */
  constructor(most = MAX_CONNECTIONS) {
    this.#most = most
  }

  join(sharer: Sharer): void {
    this.#sharers.add(sharer)
  }

  leave(sharer: Sharer): void {
    this.#sharers.delete(sharer)
    this.#line.leave(sharer)
  }

  /**
   * Where places are short, whoever has most gives one up for somebody who has `own` of them, at least two fewer: a few
   * busy torrents do not keep all others from being reached. False when nobody does. `chosen`: whom it is for was chosen by us,
   * not by whoever connects to us.
   */
  giveTo(own: number, now: number, chosen = false): boolean {
    const richer = [...this.#sharers].filter(({ connections }) => connections > own + 1)
    if (richer.length === 0 || !this.#sharing.take(now)) return false
    return richer.sort((a, b) => b.connections - a.connections).some((rich) => rich.giveWay(now, chosen && own === 0))
  }

  /**
   * Whether `who` may open one more now. If not, it waits for its turn, as long as it goes on asking and is `due`: it knows
   * where to. Where all places are taken, another may give one up for who has fewest of those that wait ({@link giveTo}).
   */
  mayConnect(who: Asker, now: number, due: () => boolean): boolean {
    if (this.#isTurnOf(who, now)) return true
    if (!this.#line.isWaiting(who) && !due()) return false
    this.#line.wait(who, now)
    if (this.isFull && this.#connects.hasLeft(now)) this.#share(now)
    return this.#isTurnOf(who, now)
  }

  /** `who` has nowhere to connect to: others' turn. */
  pass(who: Asker): void {
    this.#line.leave(who)
  }

  /** There is room for one more, whosever turn it is. */
  hasRoom(now: number): boolean {
    return this.#free(now) > 0
  }

  /** `who` has given one of its places up, to open another: that is its turn. */
  putFirst(who: Asker, now: number): void {
    this.#line.wait(who, now)
    this.#line.putFirst(who)
  }

  get isFull(): boolean {
    return this.#open >= this.#most
  }

  get mayAccept(): boolean {
    return this.#open < this.#most - Math.floor(this.#most * FOR_OUTGOING)
  }

  opened(who: Asker, now: number): void {
    this.#line.leave(who)
    if (this.#connects.left(now) === CONNECTS_PER_SECOND) this.#taken.clear()
    this.#connects.take(now)
    this.#taken.set(who, (this.#taken.get(who) ?? 0) + 1)
    this.#open++
  }

  accepted(): void {
    this.#open++
  }

  closed(): void {
    this.#open--
  }

  /** How many may be opened now. */
  #free(now: number): number {
    return Math.min(this.#connects.left(now), this.#most - this.#open)
  }

  /** It has not had its part of the present second, and there is one for it when all have theirs who have waited longer. */
  #isTurnOf(who: Asker, now: number): boolean {
    const { size } = this.#line
    if (size === 0) return this.hasRoom(now)
    const part = Math.max(1, Math.floor(CONNECTS_PER_SECOND / size))
    const isSecondOver = this.#connects.left(now) === CONNECTS_PER_SECOND
    const hasHadPart = (one: Asker): boolean => !isSecondOver && (this.#taken.get(one) ?? 0) >= part
    return !hasHadPart(who) && this.#line.isIn(who, this.#free(now), now, hasHadPart)
  }

  /** Somebody gives a place up for the poorest of those that wait. */
  #share(now: number): void {
    if (!this.#sharing.hasLeft(now)) return
    let poorest: Asker | undefined
    let fewest = Number.POSITIVE_INFINITY
    for (const who of this.#line.all(now)) {
      const { connections } = who
      if (connections < fewest) [poorest, fewest] = [who, connections]
    }
    if (poorest !== undefined && this.giveTo(fewest, now, true)) this.#line.putFirst(poorest)
  }
}
