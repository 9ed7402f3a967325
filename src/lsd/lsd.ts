import { Allowance } from "../bytes/allowance.js"
import { toHex } from "../bytes/hex.js"
import { parseIp } from "../bytes/ip.js"
import { ipScope } from "../bytes/ip-scope.js"
import { hostAndPort } from "../bytes/url.js"
import type { Timer } from "../ports/clock.js"
import type { MulticastGroup } from "../ports/multicast.js"
import type { Endpoint } from "../ports/net.js"
import type { Platform } from "../ports/platform.js"
import { decodeAnnounce, encodeAnnounce, roomForHashes } from "./announce.js"
import { AnnounceSchedule } from "./schedule.js"
import { LsdSearch } from "./search.js"

/** Where all who speak it listen (BEP 14). */
export const LSD_GROUPS: readonly Endpoint[] = [
  { host: "239.192.152.143", port: 6771 },
  { host: "ff15::efc0:988f", port: 6771 },
]

/** Datagrams looked at in a second (Transmission: 10): more is a flood. */
const MAX_HEARD = 100

export interface LsdOptions {
  readonly platform: Pick<Platform, "clock" | "random" | "multicast" | "log">
  /** The TCP port that we listen at; undefined: nobody is told of us. */
  readonly port: number | undefined
}

/** A torrent whose peers are to be found. */
export interface LsdWanted {
  /** 20 bytes. */
  readonly infoHash: Uint8Array
  onPeers(peers: readonly Endpoint[]): void
}

/**
 * Local service discovery (BEP 14): tells all who are near which torrents we are in, and hears of theirs. One serves all
 * torrents of a session.
 */
export class Lsd {
  readonly #options: LsdOptions
  /** Names our own messages, which come back to us. */
  readonly #cookie: string
  readonly #groups = new Map<string, MulticastGroup>()
  readonly #searches = new Map<string, Set<LsdSearch>>()
  readonly #schedule: AnnounceSchedule
  #timer: Timer | undefined
  /** Datagrams that are looked at. */
  readonly #looks = new Allowance(MAX_HEARD, 1000)

  private constructor(options: LsdOptions) {
    this.#options = options
    this.#cookie = toHex(options.platform.random.bytes(8))
    this.#schedule = new AnnounceSchedule(
      Math.min(...LSD_GROUPS.map((group) => roomForHashes(hostAndPort(group), this.#cookie))),
    )
  }

  /** Never rejects: a machine without a network has no neighbours. */
  static async start(options: LsdOptions): Promise<Lsd> {
    const lsd = new Lsd(options)
    await Promise.all(LSD_GROUPS.map((group) => lsd.#join(group)))
    return lsd
  }

  /** Announces the torrent from time to time, and names those who do the same, until the search is closed. */
  search(wanted: LsdWanted): LsdSearch {
    const { infoHash } = wanted
    const search = new LsdSearch({
      onPeers: (peers) => wanted.onPeers(peers),
      hasNeighbours: this.#groups.size > 0,
      now: () => this.#now,
      onSoon: () => {
        if (this.#schedule.soon(infoHash, this.#now)) this.#wait()
      },
      onClose: () => this.#end(infoHash, search),
    })
    const key = toHex(infoHash)
    const searches = this.#searches.get(key) ?? new Set<LsdSearch>()
    this.#searches.set(key, searches.add(search))
    this.#schedule.add(infoHash, this.#now)
    this.#wait()
    return search
  }

  async close(): Promise<void> {
    this.#timer?.cancel()
    const groups = [...this.#groups.values()]
    this.#groups.clear()
    await Promise.all(groups.map((group) => group.close()))
  }

  async #join(group: Endpoint): Promise<void> {
    const { multicast, log } = this.#options.platform
    try {
      const joined = await multicast.join(group, (datagram, from) => this.#receive(datagram, from))
      this.#groups.set(hostAndPort(group), joined)
    } catch (error) {
      log.log("debug", "lsd", `no neighbours at ${hostAndPort(group)}: ${String(error)}`)
    }
  }

  #receive(datagram: Uint8Array, from: Endpoint): void {
    if (!this.#looks.take(this.#now)) return
    const address = parseIp(from.host)
    if (address === undefined || ipScope(address) === "refused") return
    const announce = decodeAnnounce(datagram)
    if (announce === undefined || announce.cookie === this.#cookie) return
    const peer = { host: from.host, port: announce.port }
    for (const infoHash of announce.infoHashes) {
      const searches = this.#searches.get(toHex(infoHash))
      if (searches === undefined) continue
      this.#options.platform.log.log("debug", "lsd", `${peer.host}:${peer.port} has ${toHex(infoHash)}, too`)
      for (const search of [...searches]) search.heard(peer)
    }
  }

  /** Sends what is due. */
  #announce(): void {
    const { port } = this.#options
    if (port === undefined) return
    for (const infoHashes of this.#schedule.take(this.#now)) {
      for (const [host, group] of this.#groups) {
        group.send(encodeAnnounce(host, { port, infoHashes, cookie: this.#cookie }))
      }
      for (const infoHash of infoHashes) {
        for (const search of this.#searches.get(toHex(infoHash)) ?? []) search.announced()
      }
    }
    this.#wait()
  }

  #wait(): void {
    this.#timer?.cancel()
    const at = this.#schedule.nextAt
    if (this.#groups.size === 0 || this.#options.port === undefined || at === undefined) return
    this.#timer = this.#options.platform.clock.after(Math.max(at - this.#now, 0), () => this.#announce())
  }

  #end(infoHash: Uint8Array, search: LsdSearch): void {
    const key = toHex(infoHash)
    const searches = this.#searches.get(key)
    searches?.delete(search)
    if (searches === undefined || searches.size > 0) return
    this.#searches.delete(key)
    this.#schedule.remove(infoHash)
    this.#wait()
  }

  get #now(): number {
    return this.#options.platform.clock.now()
  }
}
