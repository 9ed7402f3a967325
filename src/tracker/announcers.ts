import { Announcer, type AnnouncerOptions } from "./announcer.js"
import type { TrackerStatus } from "./tracker-entry.js"

export interface AnnouncersOptions extends Omit<AnnouncerOptions, "infoHash" | "host"> {
  /** What the torrent is known by: 20 bytes each; of a hybrid two, that of v1 first (BEP 52). */
  readonly infoHashes: readonly Uint8Array[]
  readonly hostOf: (infoHash: Uint8Array) => AnnouncerOptions["host"]
}

/** Announces one torrent under each of its infohashes: a hybrid has a swarm under either (BEP 52). */
export class Announcers {
  readonly #announcers: readonly Announcer[]

  constructor({ infoHashes, hostOf, ...options }: AnnouncersOptions) {
    this.#announcers = infoHashes.map((infoHash) => new Announcer({ ...options, infoHash, host: hostOf(infoHash) }))
  }

  start(): void {
    for (const announcer of this.#announcers) announcer.start()
  }

  /** See {@link Announcer.add}. */
  add(tiers: readonly (readonly string[])[]): void {
    for (const announcer of this.#announcers) announcer.add(tiers)
  }

  completed(): void {
    for (const announcer of this.#announcers) announcer.completed()
  }

  announceSoon(): void {
    for (const announcer of this.#announcers) announcer.announceSoon()
  }

  /** See {@link Announcer.moved}. */
  moved(elsewhere: boolean): void {
    for (const announcer of this.#announcers) announcer.moved(elsewhere)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#announcers.map((announcer) => announcer.stop()))
  }

  async abandon(): Promise<void> {
    await Promise.all(this.#announcers.map((announcer) => announcer.abandon()))
  }

  /** See {@link Announcer.exhausted}. */
  get exhausted(): boolean {
    return this.#announcers.every((announcer) => announcer.exhausted)
  }

  /** One for each tracker: how it stands where it stands better. */
  status(): readonly TrackerStatus[] {
    const best = new Map<string, TrackerStatus>()
    for (const announcer of this.#announcers) {
      for (const status of announcer.status()) {
        const other = best.get(status.url)
        best.set(status.url, other === undefined ? status : better(other, status))
      }
    }
    return [...best.values()]
  }
}

const ORDER = ["failed", "idle", "announcing", "working"] as const

/** Peers are counted together; how many seeds there are is said by the one that knows more. */
function better(a: TrackerStatus, b: TrackerStatus): TrackerStatus {
  const [first, second] = ORDER.indexOf(b.state) > ORDER.indexOf(a.state) ? [b, a] : [a, b]
  const next = [a.nextAnnounceIn, b.nextAnnounceIn].filter((time) => time !== null)
  const most = (x: number | undefined, y: number | undefined): number | undefined =>
    x === undefined || y === undefined ? (x ?? y) : Math.max(x, y)
  const seeds = most(a.seeds, b.seeds)
  const leechers = most(a.leechers, b.leechers)
  return {
    ...second,
    ...first,
    ...(seeds === undefined ? {} : { seeds }),
    ...(leechers === undefined ? {} : { leechers }),
    peersReceived: a.peersReceived + b.peersReceived,
    nextAnnounceIn: next.length === 0 ? null : Math.min(...next),
  }
}
