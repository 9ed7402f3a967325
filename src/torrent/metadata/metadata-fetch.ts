import { count } from "../../bytes/words.js"
import { AtError, abortError } from "../../errors.js"
import type { FileHashes } from "../../metainfo/file-hashes.js"
import type { HashRequest } from "../../metainfo/hash-request.js"
import { parseInfoDictionary } from "../../metainfo/info-dictionary.js"
import type { MetadataPeer } from "../../peer/metadata-peer.js"
import type { Timer } from "../../ports/clock.js"
import type { ByteStream, Endpoint, StreamListener } from "../../ports/net.js"
import type { Announcers } from "../../tracker/announcers.js"
import type { MetadataMessage } from "../../wire/metadata-message.js"
import type { PeerOrigin } from "../finding/peer-book.js"
import { PEERS_NEED_PROXY } from "../no-sources.js"
import type { SharedParts } from "../shared-parts.js"
import type { ProgressSnapshot } from "../statistics/progress.js"
import { QUIET } from "../statistics/waiting-reason.js"
import { LayerStage } from "./layer-stage.js"
import { MetadataExchange } from "./metadata-exchange.js"
import { metadataReason } from "./metadata-reason.js"
import { metadataSnapshot } from "./metadata-snapshot.js"
import { MetadataSources } from "./metadata-sources.js"
import { MetadataSwarm, type MetadataSwarmHost } from "./metadata-swarm.js"

/** ms */
const TICK = 250
/** ms without a piece after which other peers are looked for, though some are there: those may go on refusing. */
const FRUITLESS = 15_000
/** Connections are kept for so many ms after the metadata came: a download mostly follows at once. */
const KEEP = 60_000

export interface MetadataFetchOptions extends SharedParts {
  /** What peers and trackers know it by: 20 bytes (of a v2 infohash the first 20, BEP 52). */
  readonly infoHash: Uint8Array
  /** The first 20 bytes of its v2 infohash, when that is known: then its piece layers are fetched, too. */
  readonly infoHashV2?: Uint8Array | undefined
  /** For people, until the metadata tells. */
  readonly name: string
  /** Whether this info dictionary is the one that is looked for. */
  readonly matches: (metadata: Uint8Array) => boolean
  readonly trackers: readonly (readonly string[])[]
  /** Which others the user named that are not used, and why: a sentence each. */
  readonly unusablePeers?: readonly string[] | undefined
}

/** What a fetch found. */
export interface FoundMetadata {
  /** The verified info dictionary. */
  readonly info: Uint8Array
  /** Its piece layers (BEP 52), which lead to the roots in it; empty where it needs none, or a hybrid's can't be had. */
  readonly layers: readonly FileHashes[]
}

/** What a fetch leaves to the torrent that follows it. */
export interface Handover {
  /** Open connections: each is to be handed over or closed. */
  readonly connections: readonly MetadataPeer[]
  /** Addresses that are known. */
  readonly endpoints: readonly Endpoint[]
  /** Those of them that trackers named first: a private torrent may have no others (BEP 27). */
  readonly namedByTrackers: readonly Endpoint[]
  /** At work. */
  readonly announcers: Announcers
}

/**
 * Gets a torrent's metadata from peers: the info dictionary (BEP 9), then the piece layers that it needs (BEP 52). Keeps
 * the connections for the download.
 */
export class MetadataFetch implements MetadataSwarmHost {
  readonly #options: MetadataFetchOptions
  readonly #swarm: MetadataSwarm
  readonly #sources: MetadataSources
  readonly #exchange: MetadataExchange<MetadataPeer>
  /** Verified. */
  #info: Uint8Array | undefined
  #layers: LayerStage | undefined
  readonly #found: Promise<FoundMetadata>
  #settle!: { resolve: (metadata: FoundMetadata) => void; reject: (error: AtError) => void }
  #timer: Timer | undefined
  /** Clock ms. */
  #lastArrival: number
  #foundAt: number | undefined
  #closed: Promise<void> | undefined
  /** Who waits for it. */
  #users = 0
  #onOver: (ended: Promise<void>) => void = () => {}

  constructor(options: MetadataFetchOptions) {
    const { platform, matches, infoHash, infoHashV2 } = options
    this.#options = options
    this.#lastArrival = platform.clock.now()
    this.#found = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    // Whoever waits hears of it; nobody has to wait.
    this.#found.catch(() => {})
    this.#swarm = new MetadataSwarm(options, { infoHash, infoHashV2, host: this })
    this.#exchange = new MetadataExchange<MetadataPeer>({
      ask: (peer, piece) => void peer.ask(piece),
      drop: (peer, reason) => this.#swarm.drop(peer, reason),
      letGo: (peer, reason) => this.#swarm.letGo(peer, reason),
      matches,
      onMetadata: (info) => this.#onInfo(info),
    })
    this.#sources = new MetadataSources(options, (endpoints, origin, v2) => this.addPeers(endpoints, origin, v2))
  }

  /** Goes to work. `onOver` is called once, when it takes no connections any more; `ended` resolves when all is closed. */
  start(onOver: (ended: Promise<void>) => void): void {
    this.#onOver = onOver
    this.#sources.start()
    // Peers may be named meanwhile.
    this.#timer = this.#options.platform.clock.after(0, () => this.#tick())
  }

  /** One more waits for it. */
  join(): void {
    this.#users++
  }

  /** One of those does not any more: the last ends it. */
  leave(): void {
    if (--this.#users === 0) void this.close()
  }

  /** Rejects with AtError when nobody has it. */
  get found(): Promise<FoundMetadata> {
    return this.#found
  }

  /** Milliseconds since a piece of it last arrived (or since the start). */
  get idleTime(): number {
    return this.#now() - this.#lastArrival
  }

  /** Somebody named peers; `v2`: to who asked for the v2 infohash of a hybrid. */
  addPeers(endpoints: readonly Endpoint[], origin: PeerOrigin, v2 = false): void {
    this.#swarm.addPeers(endpoints, origin, v2)
  }

  /** Takes an accepted connection; undefined when it is not wanted. */
  accept(stream: ByteStream, received: Uint8Array): StreamListener | undefined {
    return this.#swarm.accept(stream, received)
  }

  /** Where the fetch stands. */
  snapshot(): ProgressSnapshot {
    const { name, infoHash } = this.#options
    return metadataSnapshot({
      name,
      infoHash,
      exchange: this.#exchange,
      layers: this.#layers,
      swarm: this.#swarm,
      waitingFor: this.idleTime < QUIET ? null : this.waitingFor(),
    })
  }

  /** Why nothing arrives, however short it has been so; a snapshot gives a reason only after a while. */
  waitingFor(): string {
    const { unusablePeers = [] } = this.#options
    const { connections, connectedCount: connected, knownCount: known } = this.#swarm
    const { giverCount: offering, refused } = this.#layers?.exchange ?? this.#exchange
    return metadataReason({
      lacking: this.#layers === undefined ? "metadata" : "piece layers",
      offering,
      refused,
      connected,
      connecting: connections - connected,
      known,
      unusablePeers,
      trackers: this.#sources.trackers,
      discoveries: this.#sources.searches,
    })
  }

  /**
   * Ends it, and leaves what it has to the torrent of which this is the metadata. Connections count here until they are
   * handed over.
   */
  release(): Handover {
    const connections = this.#swarm.release()
    this.#timer?.cancel()
    this.#closed = Promise.resolve()
    this.#onOver(this.#closed)
    return {
      connections,
      endpoints: this.#swarm.endpoints(),
      namedByTrackers: this.#swarm.endpoints("tracker"),
      announcers: this.#sources.release(),
    }
  }

  /** Ends it. Who waits for the metadata hears `AT_ABORTED`. */
  close(): Promise<void> {
    return this.#end(abortError())
  }

  onOffer(peer: MetadataPeer, size: number, depth: number): void {
    this.#exchange.offered(peer, size, depth, this.#now())
  }

  onMessage(peer: MetadataPeer, message: MetadataMessage): void {
    const now = this.#now()
    if (this.#exchange.onMessage(peer, message, now)) this.#lastArrival = now
  }

  onSpeaksV2(peer: MetadataPeer): void {
    this.#layers?.exchange.joined(peer, this.#now())
  }

  onHashes(peer: MetadataPeer, request: HashRequest, hashes: Uint8Array | undefined): void {
    const now = this.#now()
    if (this.#layers?.exchange.onHashes(peer, request, hashes, now)) this.#lastArrival = now
  }

  onLeft(peer: MetadataPeer): void {
    const now = this.#now()
    this.#exchange.left(peer, now)
    this.#layers?.exchange.left(peer, now)
  }

  #tick(): void {
    const now = this.#now()
    this.#timer = this.#options.platform.clock.after(TICK, () => this.#tick())
    this.#swarm.tick(now, this.#layers !== undefined)
    if (this.#foundAt !== undefined) {
      if (now - this.#foundAt >= KEEP) void this.close()
      return
    }
    this.#exchange.tick(now)
    this.#layers?.exchange.tick(now)
    this.#sources.tick(now, { lastArrival: this.#lastArrival, known: this.#swarm.knownCount })
    this.#swarm.connectMore()
    if (this.#swarm.connections === 0 || this.idleTime >= FRUITLESS) this.#sources.soon()
    if (this.#layers?.isTooSlow(now, this.idleTime)) this.#finish([])
    else if (this.#hopeless) this.#giveUp()
  }

  #onInfo(info: Uint8Array): void {
    this.#lastArrival = this.#now()
    this.#info = info
    try {
      this.#layers = this.#layersOf(info)
    } catch (error) {
      if (!(error instanceof AtError)) throw error
      void this.#end(error)
      return
    }
    if (this.#layers === undefined) this.#finish([])
    else for (const peer of this.#swarm.speakingV2()) this.#layers.exchange.joined(peer, this.#now())
  }

  /** What is to be fetched beside the info dictionary, if anything is. @throws AtError when that makes no torrent */
  #layersOf(info: Uint8Array): LayerStage | undefined {
    if (this.#options.infoHashV2 === undefined) return undefined
    const { hasher } = this.#options.platform
    const metainfo = parseInfoDictionary(info, hasher)
    // From here on its trackers alone may be asked (BEP 27).
    if (metainfo.private) this.#sources.endSearches()
    return LayerStage.of(metainfo, {
      hasher,
      name: this.#options.name,
      now: this.#now(),
      drop: (peer, reason) => this.#swarm.drop(peer, reason),
      onLayers: (layers) => this.#finish(layers),
    })
  }

  #finish(layers: readonly FileHashes[]): void {
    this.#foundAt = this.#now()
    this.#swarm.stop()
    this.#sources.endSearches()
    this.#settle.resolve({ info: this.#info!, layers })
  }

  /** Everyone was asked, and there is nobody who could name others. The user's own peers are expected to come up. */
  get #hopeless(): boolean {
    return this.#swarm.exhausted && this.#swarm.endpoints("user").length === 0 && !this.#sources.hopeful
  }

  #giveUp(): void {
    const { name, unusablePeers = [], platform } = this.#options
    const known = this.#swarm.knownCount
    const asked = known === 0 ? "no peer is known" : `none of ${count(known, "known peer")} gave ${this.#lacking.it}`
    const why = [asked, ...unusablePeers].join("; ")
    void this.#end(
      new AtError("AT_METADATA", `${this.#lacking.what} of ${name} can't be had: ${why}`, {
        hint:
          platform.reach === "web"
            ? `use the .torrent file; ${PEERS_NEED_PROXY}`
            : "add a peer that has the dataset with `peers`, or use the .torrent file",
      }),
    )
  }

  get #lacking(): { readonly what: string; readonly it: string } {
    return this.#layers === undefined ? { what: "the metadata", it: "it" } : { what: "the piece layers", it: "them" }
  }

  #end(error: AtError): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = this.#close(error)
      this.#onOver(this.#closed)
    }
    return this.#closed
  }

  async #close(error: AtError): Promise<void> {
    this.#settle.reject(error)
    this.#timer?.cancel()
    this.#swarm.close()
    await this.#sources.stop()
  }

  #now(): number {
    return this.#options.platform.clock.now()
  }
}
