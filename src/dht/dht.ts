import { type Family, familyOf } from "../bytes/ip.js"
import type { Clock, Timer } from "../ports/clock.js"
import type { Hasher } from "../ports/hasher.js"
import type { Log } from "../ports/log.js"
import type { Endpoint, Net } from "../ports/net.js"
import type { Random } from "../ports/random.js"
import type { Contact } from "./contact.js"
import { DhtNode } from "./node.js"
import { ID_LENGTH } from "./node-id.js"
import { K } from "./routing-table.js"
import { decodeSaved, encodeSaved, type SavedNodes } from "./saved-nodes.js"
import { DhtSearch } from "./search.js"

/** ms. */
const TICK = 250
/** With so many nodes from the last run, hosts that everybody asks are left in peace at first. */
const ENOUGH_SAVED = 20
/** ms after which they are asked all the same, when too few of those nodes answer. */
const PATIENCE = 2_000
/** ms between two attempts to find nodes to begin with: the first wait, doubled each time, and the longest. */
const FIRST_BOOTSTRAP_INTERVAL = 30_000
const LAST_BOOTSTRAP_INTERVAL = 10 * 60_000
/** ms between two times that a node that runs on saves what it knows. */
const SAVE_INTERVAL = 15 * 60_000

/** Where what is known is kept from one run to the next. Neither method rejects. */
export interface DhtStore {
  /** Undefined when there is nothing. */
  load(): Promise<Uint8Array | undefined>
  save(bytes: Uint8Array): Promise<void>
}

/** A UDP port; it is its owner's to close. */
interface DhtPort {
  readonly port: number
  speaks(family: Family): boolean
  send(datagram: Uint8Array, to: Endpoint): void
}

export interface DhtOptions {
  readonly clock: Clock
  readonly random: Random
  readonly hasher: Pick<Hasher, "digest">
  readonly net: Pick<Net, "resolve">
  readonly log: Log
  /** Where datagrams go out. What comes in is given to {@link Dht.receive}. */
  readonly udp: DhtPort
  /** Hosts (names or addresses) of nodes to begin with. */
  readonly bootstrap: readonly { readonly host: string; readonly port: number }[]
  readonly store: DhtStore
  /** Whether we answer nobody, for now (BEP 43). */
  readonly readOnly: () => boolean
  /** The TCP port that is announced in a network; undefined when we do not listen. */
  readonly announcePort: (family: Family) => number | undefined
}

/** A torrent whose peers are to be found. */
export interface DhtWanted {
  readonly infoHash: Uint8Array
  onPeers(peers: readonly Endpoint[]): void
}

/** The DHT as one process takes part in it: a node of each network, and the searches. */
export class Dht {
  readonly #options: DhtOptions
  readonly #nodes: DhtNode[] = []
  readonly #byFamily = new Map<Family, DhtNode>()
  /** Whose turn is longest ago comes first. */
  readonly #searches = new Set<DhtSearch>()
  readonly #startedAt: number
  /** Nodes that have looked for their neighbours. */
  readonly #joined = new Set<DhtNode>()
  #savedCount = 0
  #timer: Timer | undefined
  #bootstrapping = false
  #bootstraps = 0
  #nextBootstrap = 0
  #savedAt: number
  #closed: Promise<void> | undefined

  private constructor(options: DhtOptions) {
    this.#options = options
    this.#startedAt = this.#savedAt = this.#nextBootstrap = options.clock.now()
  }

  /** Takes part from now on. Without any network it is there all the same, and finds nobody. */
  static async start(options: DhtOptions): Promise<Dht> {
    const dht = new Dht(options)
    const loaded = await options.store.load()
    const saved = decodeSaved(loaded ?? new Uint8Array(0))
    for (const family of [4, 6] as const) if (options.udp.speaks(family)) dht.#add(family, saved)
    dht.#tick()
    return dht
  }

  /** Our node's port in the network of an address; undefined without one, and when it answers nobody. */
  port(host: string): number | undefined {
    return this.#options.readOnly() || !this.#byFamily.has(familyOf(host)) ? undefined : this.#options.udp.port
  }

  /** A datagram came. */
  receive(datagram: Uint8Array, from: Endpoint): void {
    if (this.#closed === undefined) this.#byFamily.get(familyOf(from.host))?.receive(datagram, from)
  }

  /** Nodes that answer, of both networks. */
  get size(): number {
    return this.#nodes.reduce((sum, node) => sum + node.size, 0)
  }

  /** Our nodes, IPv4 before IPv6. */
  get nodes(): readonly DhtNode[] {
    return this.#nodes
  }

  /** Looks for a torrent's peers, and announces us as one, until the search is closed. */
  search({ infoHash, onPeers }: DhtWanted): DhtSearch {
    const search = new DhtSearch({
      infoHash,
      onPeers,
      announcePort: this.#options.announcePort,
      nodes: this.#nodes,
      now: () => this.#options.clock.now(),
      onDeaf: () => this.#bootstrap(),
    })
    this.#searches.add(search)
    if (!this.#isWaiting) search.tick()
    return search
  }

  /** A peer said that its node is there (BEP 5, PORT). */
  nodeAt(endpoint: Endpoint): void {
    const node = this.#byFamily.get(familyOf(endpoint.host))
    if (node === undefined || node.size >= 4 * K) return
    node.offer([endpoint])
    node.ping(endpoint)
  }

  /** Ends all searches, and saves what is known. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#timer?.cancel()
    for (const search of this.#searches) search.close()
    for (const node of this.#nodes) node.close()
    await this.#save()
  }

  #add(family: Family, saved: SavedNodes): void {
    const { random, hasher, clock, readOnly, udp } = this.#options
    const [savedId, savedNodes] = family === 4 ? [saved.id4, saved.nodes4] : [saved.id6, saved.nodes6]
    const other: Family = family === 4 ? 6 : 4
    const node = new DhtNode({
      family,
      random,
      hasher,
      now: () => clock.now(),
      send: (datagram, to) => udp.send(datagram, to),
      id: savedId ?? random.bytes(ID_LENGTH),
      readOnly,
      otherClosest: (target, count) => this.#byFamily.get(other)?.closest(target, count) ?? [],
      onOtherNodes: (nodes) => this.#named(other, nodes),
    })
    node.offer(savedNodes)
    this.#savedCount += savedNodes.length
    this.#nodes.push(node)
    this.#byFamily.set(family, node)
  }

  /** Nodes of a network were named in the other: they are of use as long as there are few. */
  #named(family: Family, nodes: readonly Contact[]): void {
    const node = this.#byFamily.get(family)
    if (node !== undefined && node.size < K) node.offer(nodes)
  }

  /** There is nobody to ask yet, and the names of those who could be asked are being looked up. */
  get #isWaiting(): boolean {
    if (this.#nodes.length === 0 || this.#nodes.some((node) => node.hasStarts)) return false
    return this.#bootstrapping || this.#bootstraps === 0
  }

  #tick(): void {
    const { clock, readOnly } = this.#options
    const now = clock.now()
    this.#timer = clock.after(TICK, () => this.#tick())
    const few = this.#nodes.some((node) => node.size < K)
    const patient = this.#savedCount >= ENOUGH_SAVED && now - this.#startedAt < PATIENCE
    if (few && !patient) this.#bootstrap()
    for (const node of this.#nodes) node.tick()
    for (const search of [...this.#searches]) {
      if (search.closed) this.#searches.delete(search)
      else if (!this.#isWaiting && search.tick()) {
        this.#searches.delete(search)
        this.#searches.add(search)
      }
    }
    if (readOnly()) return
    this.#join()
    if (now - this.#savedAt < SAVE_INTERVAL) return
    this.#savedAt = now
    void this.#save()
  }

  /** Whoever is to be found by others needs a place among its neighbours. */
  #join(): void {
    for (const node of this.#nodes) {
      if (this.#joined.has(node) || !node.hasStarts) continue
      this.#joined.add(node)
      node.findNode(node.id, () => {})
    }
  }

  /** Finds nodes to begin with; ever more seldom. */
  #bootstrap(): void {
    const now = this.#options.clock.now()
    if (this.#bootstrapping || now < this.#nextBootstrap) return
    this.#bootstrapping = true
    this.#nextBootstrap = now + Math.min(FIRST_BOOTSTRAP_INTERVAL * 2 ** this.#bootstraps++, LAST_BOOTSTRAP_INTERVAL)
    void Promise.all(this.#options.bootstrap.map((place) => this.#resolve(place))).then(() => {
      this.#bootstrapping = false
      this.#joined.clear()
    })
  }

  async #resolve({ host, port }: { host: string; port: number }): Promise<void> {
    const { net, log } = this.#options
    try {
      const addresses = await net.resolve(host)
      if (this.#closed !== undefined) return
      for (const node of this.#nodes) node.offer(addresses.map((address) => ({ host: address, port })))
    } catch (error) {
      log.log("debug", "dht", `${host} has no address: ${String(error)}`)
    }
  }

  async #save(): Promise<void> {
    const node4 = this.#byFamily.get(4)
    const node6 = this.#byFamily.get(6)
    const [nodes4, nodes6] = [node4?.contacts() ?? [], node6?.contacts() ?? []]
    // What was kept before is worth more than nothing.
    if (nodes4.length + nodes6.length === 0) return
    await this.#options.store.save(encodeSaved({ id4: node4?.id, id6: node6?.id, nodes4, nodes6 }))
  }
}
