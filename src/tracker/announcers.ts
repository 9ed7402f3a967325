import { sameBytes } from "../bytes/same-bytes.js"
import { Announcer, type AnnouncerOptions } from "./announcer.js"
import type { TrackerStatus } from "./tracker-entry.js"

export interface AnnouncersOptions extends Omit<AnnouncerOptions, "infoHash" | "host"> {
  /** What the torrent is known by: 20 bytes each; of a hybrid two, that of v1 first (BEP 52). */
  readonly infoHashes: readonly Uint8Array[]
  readonly hostOf: (infoHash: Uint8Array) => AnnouncerOptions["host"]
  /** Those that have announced it so far, while its metadata was fetched: these go on with them. */
  readonly before?: Announcers | undefined
}

/** Announces one torrent under each of its infohashes: a hybrid has a swarm under either (BEP 52). */
export class Announcers {
  readonly #announcers: Announcer[]

  constructor({ infoHashes, hostOf, before, ...options }: AnnouncersOptions) {
    this.#announcers = infoHashes.map((infoHash) => {
      const own = { ...options, infoHash, host: hostOf(infoHash) }
      return before?.giveTo(own) ?? new Announcer(own)
    })
    // Under what else it was announced, by mistake.
    void before?.stop()
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

  /** Gives away the one for that infohash: see {@link Announcer.inherit}. */
  giveTo(options: AnnouncerOptions): Announcer | undefined {
    const at = this.#announcers.findIndex(({ infoHash }) => sameBytes(infoHash, options.infoHash))
    if (at < 0) return undefined
    const [announcer] = this.#announcers.splice(at, 1)
    announcer!.inherit(options)
    return announcer
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

const ORDER = ["failed", "idle", "queued", "announcing", "working"] as const

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
