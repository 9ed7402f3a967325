import { toHex } from "../bytes/hex.js"

/** ms between two announces of a torrent (BEP 14). */
export const INTERVAL = 5 * 60_000
/** The same when it needs peers (BEP 14: no more than one a minute). */
export const SHORTEST_INTERVAL = 60_000
/** Datagrams in a second at most; each goes to both groups, so that ten leave (Transmission: 10 a second). */
export const MAX_AT_A_TIME = 5
/** ms */
const PAUSE = 1000

/** When which torrents are announced, and which of them together. Times are clock ms. */
export class AnnounceSchedule {
  /** By infohash, in hexadecimal digits. */
  readonly #torrents = new Map<string, { readonly infoHash: Uint8Array; due: number }>()
  /** When torrents were last announced: those that left may come back. */
  readonly #last = new Map<string, number>()
  readonly #room: number
  #quietUntil = Number.NEGATIVE_INFINITY

  /** `room`: infohashes in a datagram at most. */
  constructor(room: number) {
    this.#room = room
  }

  /** From now on the torrent is announced. */
  add(infoHash: Uint8Array, now: number): void {
    const key = toHex(infoHash)
    if (!this.#torrents.has(key)) this.#torrents.set(key, { infoHash, due: this.#soonest(key, now) })
  }

  remove(infoHash: Uint8Array): void {
    this.#torrents.delete(toHex(infoHash))
  }

  /** It needs peers, but not before the minute is over. False: nothing changes by that. */
  soon(infoHash: Uint8Array, now: number): boolean {
    const key = toHex(infoHash)
    const torrent = this.#torrents.get(key)
    const soonest = this.#soonest(key, now)
    if (torrent === undefined || torrent.due <= soonest) return false
    torrent.due = soonest
    return true
  }

  /** When {@link take} has something again; undefined: never. */
  get nextAt(): number | undefined {
    let first: number | undefined
    for (const { due } of this.#torrents.values()) first = Math.min(first ?? due, due)
    return first === undefined ? undefined : Math.max(first, this.#quietUntil)
  }

  /**
   * What is to be announced now: the infohashes of each datagram. Up to five go out alone, since older clients read but the
   * first of a datagram; more of them share.
   */
  take(now: number): Uint8Array[][] {
    if (now < this.#quietUntil) return []
    const due = [...this.#torrents].filter(([, torrent]) => torrent.due <= now)
    if (due.length === 0) return []
    due.sort(([, a], [, b]) => a.due - b.due)
    const together = due.length <= MAX_AT_A_TIME ? 1 : this.#room
    const datagrams: Uint8Array[][] = []
    for (let at = 0; at < due.length && datagrams.length < MAX_AT_A_TIME; at += together) {
      const share = due.slice(at, at + together)
      for (const [key, torrent] of share) {
        torrent.due = now + INTERVAL
        this.#last.set(key, now)
      }
      datagrams.push(share.map(([, { infoHash }]) => infoHash))
    }
    this.#quietUntil = now + PAUSE
    this.#forget(now)
    return datagrams
  }

  #soonest(key: string, now: number): number {
    const last = this.#last.get(key)
    return last === undefined ? now : Math.max(now, last + SHORTEST_INTERVAL)
  }

  #forget(now: number): void {
    for (const [key, last] of this.#last) if (now - last >= SHORTEST_INTERVAL) this.#last.delete(key)
  }
}
