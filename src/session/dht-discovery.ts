import type { Dht, DhtStore, DhtWanted } from "../dht/dht.js"
import type { Endpoint } from "../ports/net.js"
import type { Platform } from "../ports/platform.js"
import type { DhtLink, Discovery, Search } from "../torrent/finding/discovery.js"
import type { ExternalAddress } from "../torrent/finding/external-address.js"
import { LateSearch } from "./late-search.js"
import type { UdpPort } from "./udp-port.js"

/** Nodes that peers named before the DHT was started. */
const MAX_EARLY_NODES = 32

/** How a session takes part in the DHT. */
export interface DhtSettings {
  /** Nodes to begin with: names or addresses, and ports. */
  readonly bootstrap: readonly { readonly host: string; readonly port: number }[]
  readonly store: DhtStore
}

/** The DHT as the torrents of a session see it. Its code and its port are loaded when the first torrent searches there. */
export class DhtDiscovery implements Discovery, DhtLink {
  readonly origin = "dht"
  /** Dozens of datagrams, and code that is long to load: only for a download that is no short one. */
  readonly after = 5_000
  readonly #platform: Platform
  readonly #settings: DhtSettings
  readonly #udpPort: () => Promise<UdpPort>
  readonly #external: ExternalAddress
  readonly #readOnly: () => boolean
  #early: Endpoint[] = []
  #starting: Promise<void> | undefined
  #dht: Dht | undefined
  #closed = false

  constructor(options: {
    platform: Platform
    settings: DhtSettings
    udpPort: () => Promise<UdpPort>
    /** Knows the TCP port that is announced. */
    external: ExternalAddress
    /** Ask and answer nobody, for now: a process that gives nothing is soon gone (BEP 43). */
    readOnly: () => boolean
  }) {
    this.#platform = options.platform
    this.#settings = options.settings
    this.#udpPort = options.udpPort
    this.#external = options.external
    this.#readOnly = options.readOnly
  }

  search(wanted: DhtWanted): Search {
    const search = new LateSearch({ starting: "starting the DHT", impossible: "the DHT can't be reached" })
    this.#starting ??= this.#start()
    void this.#starting.then(() => search.begin(this.#dht, wanted))
    return search
  }

  port(host: string): number | undefined {
    // Who comes through a router that has given us another port finds another machine at this one.
    if (this.#external.portSeenFrom(host) !== this.#external.listenPort) return undefined
    return this.#dht?.port(host)
  }

  nodeAt(endpoint: Endpoint): void {
    if (this.#dht !== undefined) this.#dht.nodeAt(endpoint)
    else if (this.#early.length < MAX_EARLY_NODES) this.#early.push(endpoint)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#starting
    await this.#dht?.close()
  }

  async #start(): Promise<void> {
    const { clock, random, hasher, net, log } = this.#platform
    try {
      const [module, udp] = await Promise.all([import("../dht/dht.js"), this.#udpPort()])
      const dht = await module.Dht.start({
        ...this.#settings,
        clock,
        random,
        hasher,
        net,
        log,
        udp,
        announcePort: (family) => this.#external.port(family),
        readOnly: this.#readOnly,
      })
      if (this.#closed) {
        await dht.close()
        return
      }
      udp.handle("krpc", (datagram, from) => dht.receive(datagram, from))
      for (const endpoint of this.#early) dht.nodeAt(endpoint)
      this.#early = []
      this.#dht = dht
    } catch (error) {
      log.log("warn", "dht", `no DHT: ${String(error)}`)
    }
  }
}
