import { Allowance } from "../../bytes/allowance.js"

/** Connections of the whole process, unless told otherwise (libtorrent: 200). */
const MAX_CONNECTIONS = 200
/** This part of them is kept for those we open ourselves. */
const FOR_OUTGOING = 0.1
/** New ones a second, as a home router or a campus firewall bears (Transmission: 18, libtorrent: 30). */
const CONNECTS_PER_SECOND = 30

/** Who is poor gets one of another's places at most so often, ms: those who are there shall have time to give something. */
const SHARING_INTERVAL = 250

/** A torrent that can do with fewer connections than it has. */
export interface Sharer {
  /** How many it has. */
  readonly connections: number
  /** Ends the one that it can best do without. False when all are of use. */
  giveWay(now: number): boolean
}

/** How many connections the torrents of one process may have, together. */
export class ConnectionBudget {
  readonly #most: number
  readonly #sharers = new Set<Sharer>()
  readonly #sharing = new Allowance(1, SHARING_INTERVAL)
  readonly #connects = new Allowance(CONNECTS_PER_SECOND, 1000)
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
  }

  /**
   * Where places are short, whoever has most gives one up for somebody who has `own` of them, at least two fewer: a few
   * busy torrents do not keep all others from being reached. False when nobody does.
   */
  giveTo(own: number, now: number): boolean {
    const richer = [...this.#sharers].filter(({ connections }) => connections > own + 1)
    if (richer.length === 0 || !this.#sharing.take(now)) return false
    return richer.sort((a, b) => b.connections - a.connections).some((rich) => rich.giveWay(now))
  }

  /**
   * Whether one more may be opened now. `poor`: who asks, and has `own` connections; if need be, another gives one up for it
   * ({@link giveTo}), as long as it is `due`: known where to.
   */
  mayConnect(now: number, poor?: { readonly own: number; readonly due: () => boolean }): boolean {
    if (!this.#connects.hasLeft(now)) return false
    return this.#open < this.#most || (poor?.due() === true && this.giveTo(poor.own, now))
  }

  get mayAccept(): boolean {
    return this.#open < this.#most - Math.floor(this.#most * FOR_OUTGOING)
  }

  opened(now: number): void {
    this.#connects.take(now)
    this.#open++
  }

  accepted(): void {
    this.#open++
  }

  closed(): void {
    this.#open--
  }
}
