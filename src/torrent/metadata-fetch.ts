import { toHex } from "../bytes/hex.js"
import { AtError, abortError } from "../errors.js"
import { MetadataPeer, type MetadataPeerHost } from "../peer/metadata-peer.js"
import { mseTools } from "../peer/mse-tools.js"
import { connectEncrypted } from "../peer/outgoing-encryption.js"
import { clientOf } from "../peer/peer-id.js"
import type { Timer } from "../ports/clock.js"
import type { ByteStream, Endpoint, StreamListener } from "../ports/net.js"
import type { Platform } from "../ports/platform.js"
import { Announcer } from "../tracker/announcer.js"
import type { TrackerClient } from "../tracker/tracker-client.js"
import { type EncryptionPolicy, providedMethods } from "../wire/encryption-policy.js"
import type { MetadataMessage } from "../wire/metadata-message.js"
import type { ConnectionBudget } from "./connection-budget.js"
import { Discoveries } from "./discoveries.js"
import type { Discovery } from "./discovery.js"
import { EncryptionChoice } from "./encryption-choice.js"
import { MetadataExchange } from "./metadata-exchange.js"
import { count, metadataReason } from "./metadata-reason.js"
import { mayAnswer } from "./no-sources.js"
import { PeerBook, type PeerOrigin } from "./peer-book.js"
import type { ProgressSnapshot } from "./progress.js"
import { samePeerId } from "./twins.js"

/** ms */
const TICK = 250
/** Connections at a time: metadata is small, and who does not have it is let go. */
const MAX_PEERS = 30
/** Of these, so many are kept for those that we open ourselves. */
const FOR_OUTGOING = 15
/** A connected peer that does not say within so many ms that it has the metadata is let go. */
const PATIENCE = 20_000
/** Connections are kept for so many ms after the metadata came: a download mostly follows at once. */
const KEEP = 60_000
const NUM_WANT = 100
/** Pieces asked of one peer at a time (libtorrent: 2). */
const DEPTH = 2
/** rTorrent closes a connection on which a second request comes before it has answered the first. */
const ONE_AT_A_TIME = "rTorrent"
/** What trackers are told is left: anything but 0, which would say that we have it all (libtorrent: one block). */
const LEFT = 16384

/** What the torrents and fetches of one process share. */
export interface SharedParts {
  readonly platform: Platform
  readonly peerId: Uint8Array
  readonly clientVersion: string
  readonly listenPort: number | undefined
  readonly budget: ConnectionBudget
  readonly encryption: EncryptionPolicy
  /** Where peers are found beside trackers. */
  readonly discoveries?: readonly Discovery[]
  readonly trackerClient: TrackerClient
}

export interface MetadataFetchOptions extends SharedParts {
  /** What peers and trackers know it by: 20 bytes (of a v2 infohash the first 20, BEP 52). */
  readonly infoHash: Uint8Array
  /** For people, until the metadata tells. */
  readonly name: string
  /** Whether this info dictionary is the one that is looked for. */
  readonly matches: (metadata: Uint8Array) => boolean
  readonly trackers: readonly (readonly string[])[]
  /** Named by the user, and by the link. */
  readonly peers: readonly Endpoint[]
  readonly hintedPeers: readonly Endpoint[]
}

/** What a fetch leaves to the torrent that follows it. */
export interface Legacy {
  /** Open connections: each is to be handed over or closed. */
  readonly connections: readonly MetadataPeer[]
  /** Addresses that trackers named. */
  readonly endpoints: readonly Endpoint[]
}

interface Connected {
  /** The address of the book that leads there. */
  readonly address: Endpoint | undefined
  readonly since: number
  ready: boolean
  /** It says that it has the metadata. */
  offers: boolean
  /** The address refused a connection before. */
  readonly again: boolean
}

/** Gets a torrent's metadata from peers (BEP 9), and keeps the connections for the download. */
export class MetadataFetch implements MetadataPeerHost {
  readonly #o: MetadataFetchOptions
  readonly #book: PeerBook
  readonly #announcer: Announcer
  readonly #discoveries: Discoveries
  readonly #exchange: MetadataExchange<MetadataPeer>
  readonly #peers = new Map<MetadataPeer, Connected>()
  /** Addresses that were tried and need not be again before giving up. */
  readonly #tried = new Set<Endpoint>()
  /** Addresses that were tried at least once. */
  readonly #everTried = new Set<Endpoint>()
  readonly #found: Promise<Uint8Array>
  #settle!: { resolve: (metadata: Uint8Array) => void; reject: (error: AtError) => void }
  #timer: Timer | undefined
  /** Clock ms. */
  #lastArrival: number
  #foundAt: number | undefined
  #closed: Promise<void> | undefined

  constructor(options: MetadataFetchOptions) {
    const { platform, listenPort, matches } = options
    this.#o = options
    this.#book = new PeerBook(platform.random, new EncryptionChoice(options.encryption))
    this.#lastArrival = platform.clock.now()
    this.#found = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    // Whoever waits hears of it; nobody has to wait.
    this.#found.catch(() => {})
    this.#exchange = new MetadataExchange<MetadataPeer>({
      ask: (peer, piece) => void peer.ask(piece),
      drop: (peer, reason) => this.#drop(peer, reason),
      matches,
      onMetadata: (metadata) => this.#onMetadata(metadata),
    })
    this.#announcer = new Announcer({
      platform,
      client: options.trackerClient,
      trackers: options.trackers,
      infoHash: options.infoHash,
      peerId: options.peerId,
      key: platform.random.below(0xffffffff),
      isPrivate: false,
      host: {
        stats: () => ({ uploaded: 0, downloaded: 0, left: LEFT, port: listenPort ?? 0, numWant: NUM_WANT }),
        onPeers: (endpoints) => this.addPeers(endpoints, "tracker"),
      },
    })
    this.#discoveries = new Discoveries({
      discoveries: options.discoveries ?? [],
      infoHashes: [options.infoHash],
      onPeers: (endpoints, origin) => this.addPeers(endpoints, origin),
    })
  }

  /** Goes to work. */
  start(): void {
    this.#announcer.start()
    this.addPeers(this.#o.peers, "user")
    this.addPeers(this.#o.hintedPeers, "tracker")
    this.#tick()
  }

  /** The verified info dictionary. Rejects with AtError when nobody has it. */
  get found(): Promise<Uint8Array> {
    return this.#found
  }

  /** Milliseconds since a piece of it last arrived (or since the start). */
  get idleTime(): number {
    return this.#now() - this.#lastArrival
  }

  /** Somebody named peers. */
  addPeers(endpoints: readonly Endpoint[], origin: PeerOrigin): void {
    for (const endpoint of endpoints) this.#book.add(endpoint, origin, this.#now())
    this.#connectMore()
  }

  /** Takes an accepted connection; undefined when it is not wanted. */
  accept(stream: ByteStream, received: Uint8Array): StreamListener | undefined {
    if (this.#over || this.#peers.size >= MAX_PEERS - FOR_OUTGOING || !this.#o.budget.mayAccept) return undefined
    this.#o.budget.accepted()
    const peer = this.#add("incoming", undefined, received)
    peer.attach(stream)
    return peer
  }

  /** Where the fetch stands. Its pieces are those of the metadata. */
  snapshot(): ProgressSnapshot {
    const { size, received, pieceCount } = this.#exchange.progress
    const connected = [...this.#peers.values()].filter(({ ready }) => ready).length
    return {
      name: this.#o.name,
      infoHash: toHex(this.#o.infoHash),
      state: "metadata",
      totalBytes: size,
      doneBytes: pieceCount === 0 ? 0 : Math.floor((size * received) / pieceCount),
      totalPieces: pieceCount,
      donePieces: received,
      downloadRate: 0,
      uploadRate: 0,
      eta: null,
      fromPeers: 0,
      fromWebSeeds: 0,
      uploaded: 0,
      wasted: 0,
      peers: { connected, seeds: 0, known: this.#book.size },
      webSeeds: { active: 0, usable: 0, total: 0 },
      waitingFor: metadataReason({
        sinceArrival: this.idleTime,
        offering: this.#exchange.giverCount,
        connected,
        connecting: this.#peers.size - connected,
        known: this.#book.size,
        trackers: this.#announcer.status(),
        discoveries: this.#discoveries.status(),
      }),
    }
  }

  /**
   * Ends it, and leaves what it has to the torrent of which this is the metadata. Connections count here until they are
   * handed over.
   */
  release(): Legacy {
    const connections = [...this.#peers].filter(([, { ready }]) => ready).map(([peer]) => peer)
    for (const [peer, { ready }] of [...this.#peers]) if (!ready) peer.close()
    this.#timer?.cancel()
    this.#discoveries.close()
    const abandoned = this.#announcer.abandon()
    this.#closed = abandoned
    return { connections, endpoints: this.#book.endpoints() }
  }

  /** Ends it. Who waits for the metadata hears `AT_ABORTED`. */
  close(): Promise<void> {
    this.#closed ??= this.#close(abortError())
    return this.#closed
  }

  onReady(peer: MetadataPeer): void {
    const connected = this.#peers.get(peer)
    if (connected === undefined) return
    if (samePeerId(peer.peerId, this.#o.peerId)) {
      // The end that opened it knows the address. The other waits for it: closed at once, it would not have answered.
      if (connected.address === undefined) return
      this.#book.forget(connected.address)
      peer.close(new Error("connected to ourselves"))
    } else if ([...this.#peers].some(([other, { ready }]) => ready && samePeerId(other.peerId, peer.peerId))) {
      peer.close(new Error("connected twice"))
    } else {
      connected.ready = true
      if (connected.address !== undefined) this.#book.answered(connected.address)
    }
  }

  onSize(peer: MetadataPeer, size: number): void {
    const connected = this.#peers.get(peer)
    if (connected === undefined) return
    connected.offers = true
    const client = peer.peerId === undefined ? undefined : clientOf(peer.peerId)
    this.#exchange.offered(peer, size, client?.startsWith(ONE_AT_A_TIME) ? 1 : DEPTH, this.#now())
  }

  onMessage(peer: MetadataPeer, message: MetadataMessage): void {
    const now = this.#now()
    if (this.#exchange.onMessage(peer, message, now)) this.#lastArrival = now
  }

  onClosed(peer: MetadataPeer, reason: Error | undefined): void {
    const connected = this.#peers.get(peer)
    if (connected === undefined) return
    this.#peers.delete(peer)
    this.#o.budget.closed()
    const now = this.#now()
    if (connected.address !== undefined) {
      const outcome = connected.offers ? "useful" : peer.reached && !connected.ready ? "refused" : "failed"
      this.#book.ended(connected.address, outcome, now)
      // It may be tried again with encryption, or without.
      if (outcome === "refused" && !connected.again) this.#tried.delete(connected.address)
      this.#log("debug", `${nameOf(connected.address)}: closed, ${reason?.message ?? "by the other side"}`)
    }
    this.#exchange.left(peer, now)
  }

  get #over(): boolean {
    return this.#closed !== undefined || this.#foundAt !== undefined
  }

  #tick(): void {
    const now = this.#now()
    this.#timer = this.#o.platform.clock.after(TICK, () => this.#tick())
    for (const [peer, { offers, since }] of [...this.#peers]) {
      peer.tick(now)
      if (!offers && now - since >= PATIENCE) peer.close(new Error("it does not offer the metadata"))
    }
    if (this.#foundAt !== undefined) {
      if (now - this.#foundAt >= KEEP) void this.close()
      return
    }
    this.#exchange.tick(now)
    this.#discoveries.tick({
      now,
      lastArrival: this.#lastArrival,
      wantsPeers: true,
      downloading: true,
      noOtherSource: this.#book.size === 0 && this.#announcer.status().length === 0,
    })
    this.#connectMore()
    if (this.#peers.size === 0) {
      this.#announcer.announceSoon()
      this.#discoveries.soon()
    }
    if (this.#hopeless) this.#giveUp()
  }

  #connectMore(): void {
    const now = this.#now()
    while (!this.#over && this.#peers.size < MAX_PEERS && this.#o.budget.mayConnect(now)) {
      const endpoint = this.#book.next(now)
      if (endpoint === undefined) return
      this.#o.budget.opened(now)
      const peer = this.#add("outgoing", endpoint)
      this.#tried.add(endpoint)
      this.#everTried.add(endpoint)
      peer.attach(this.#connect(endpoint, peer))
    }
  }

  #add(direction: "outgoing" | "incoming", address: Endpoint | undefined, received?: Uint8Array): MetadataPeer {
    const { platform, infoHash, peerId, clientVersion, listenPort } = this.#o
    const peer = new MetadataPeer({
      host: this,
      clock: platform.clock,
      infoHash,
      peerId,
      direction,
      clientVersion,
      ...(listenPort === undefined ? {} : { listenPort }),
      ...(received === undefined ? {} : { received }),
    })
    const again = address !== undefined && this.#everTried.has(address)
    this.#peers.set(peer, { address, since: platform.clock.now(), ready: false, offers: false, again })
    return peer
  }

  #connect(endpoint: Endpoint, peer: MetadataPeer): ByteStream {
    const { platform, infoHash, encryption } = this.#o
    if (!this.#book.encrypts(endpoint)) return platform.net.connect(endpoint, peer)
    const options = { tools: mseTools(platform), skey: infoHash, provide: providedMethods(encryption) }
    return connectEncrypted(platform.net, endpoint, peer, options)
  }

  #drop(peer: MetadataPeer, reason: string): void {
    const address = this.#peers.get(peer)?.address
    if (address !== undefined) this.#book.ban(address)
    this.#log("info", `a peer is not asked for the metadata any more: ${reason}`)
    peer.close(new Error(reason))
  }

  #onMetadata(metadata: Uint8Array): void {
    this.#foundAt = this.#now()
    this.#settle.resolve(metadata)
  }

  /** Everyone was asked, and there is nobody who could name others. The user's own peers are expected to come up. */
  get #hopeless(): boolean {
    if (this.#peers.size > 0 || this.#o.peers.length > 0 || this.#discoveries.hopeful) return false
    const isUntried = (endpoint: Endpoint): boolean => !this.#tried.has(endpoint) && !this.#book.isBanned(endpoint)
    return !this.#book.endpoints().some(isUntried) && !this.#announcer.status().some(mayAnswer)
  }

  #giveUp(): void {
    const { name } = this.#o
    const known = this.#book.size
    const asked = known === 0 ? "no peer is known" : `none of ${count(known, "known peer")} gave it`
    this.#closed ??= this.#close(
      new AtError("AT_METADATA", `the metadata of ${name} can't be had: ${asked}`, {
        hint: "name a peer that has the dataset with --peer, or give the .torrent file",
      }),
    )
  }

  async #close(error: AtError): Promise<void> {
    this.#settle.reject(error)
    this.#timer?.cancel()
    this.#discoveries.close()
    for (const peer of [...this.#peers.keys()]) peer.close()
    await this.#announcer.stop()
  }

  #now(): number {
    return this.#o.platform.clock.now()
  }

  #log(level: "debug" | "info", message: string): void {
    this.#o.platform.log.log(level, "metadata", message)
  }
}

function nameOf({ host, port }: Endpoint): string {
  return `${host}:${port}`
}
