import type { HashRequest } from "../../metainfo/hash-request.js"
import { MetadataPeer, type MetadataPeerHost } from "../../peer/metadata-peer.js"
import { mseTools } from "../../peer/mse-tools.js"
import { connectEncrypted } from "../../peer/outgoing-encryption.js"
import { clientOf } from "../../peer/peer-id.js"
import type { ByteStream, Endpoint, StreamListener } from "../../ports/net.js"
import { providedMethods } from "../../wire/encryption-policy.js"
import type { MetadataMessage } from "../../wire/metadata-message.js"
import { EncryptionChoice } from "../finding/encryption-choice.js"
import type { ExternalAddress } from "../finding/external-address.js"
import { PeerBook, type PeerOrigin } from "../finding/peer-book.js"
import { preferByPriority } from "../finding/preference.js"
import { samePeerId } from "../finding/twins.js"
import type { SharedParts } from "../shared-parts.js"

/** Connections that we open, at a time: metadata is small, and who does not have it is let go. */
const MAX_OUTGOING = 30
/** The same for those that others open, beside them: whom we chose takes no place from who comes, nor the other way round. */
const MAX_INCOMING = 15
/** A connected peer that does not say within so many ms that it has the metadata is let go. */
const PATIENCE = 20_000
/** Pieces asked of one peer at a time (libtorrent: 2). */
const DEPTH = 2
/** rTorrent closes a connection on which a second request comes before it has answered the first. */
const ONE_AT_A_TIME = "rTorrent"

/** What the fetch hears of its peers. */
export interface MetadataSwarmHost {
  /** It has the metadata, of `size` bytes by its own account; up to `depth` pieces may be asked for at a time. */
  onOffer(peer: MetadataPeer, size: number, depth: number): void
  onMessage(peer: MetadataPeer, message: MetadataMessage): void
  /** It can be asked for hashes (BEP 52). */
  onSpeaksV2(peer: MetadataPeer): void
  onHashes(peer: MetadataPeer, request: HashRequest, hashes: Uint8Array | undefined): void
  onLeft(peer: MetadataPeer): void
}

interface Connected {
  /** The address of the book that leads there. */
  readonly address: Endpoint | undefined
  readonly since: number
  ready: boolean
  /** It says that it has the metadata. */
  offers: boolean
}

/** The peers of a torrent whose metadata we lack: connects and accepts, and leads what they say to the fetch. */
export class MetadataSwarm implements MetadataPeerHost {
  readonly #shared: SharedParts
  readonly #infoHash: Uint8Array
  readonly #infoHashV2: Uint8Array | undefined
  readonly #host: MetadataSwarmHost
  readonly #book: PeerBook
  /** Hears what others take for our address. */
  readonly external: ExternalAddress
  readonly #peers = new Map<MetadataPeer, Connected>()
  #closing = false

  constructor(
    shared: SharedParts,
    {
      infoHash,
      infoHashV2,
      host,
    }: { infoHash: Uint8Array; infoHashV2: Uint8Array | undefined; host: MetadataSwarmHost },
  ) {
    this.#shared = shared
    this.#infoHash = infoHash
    this.#infoHashV2 = infoHashV2
    this.#host = host
    this.#book = new PeerBook(shared.platform.random, new EncryptionChoice(shared.encryption))
    this.external = shared.external
    preferByPriority(this.#book, shared.external)
  }

  /** Whatever their state. */
  get connections(): number {
    return this.#peers.size
  }

  get connectedCount(): number {
    let count = 0
    for (const { ready } of this.#peers.values()) if (ready) count++
    return count
  }

  /** Addresses that are known. */
  get knownCount(): number {
    return this.#book.size
  }

  /** See {@link PeerBook.endpoints}. */
  endpoints(origin?: PeerOrigin): Endpoint[] {
    return this.#book.endpoints(origin)
  }

  /** Everyone who is known was tried, and nobody is left. */
  get exhausted(): boolean {
    return this.#peers.size === 0 && !this.#book.hasDue(this.#now())
  }

  /** Those that can be asked for hashes. */
  *speakingV2(): Generator<MetadataPeer> {
    for (const [peer, { ready }] of [...this.#peers]) if (ready && peer.v2) yield peer
  }

  /** Somebody named peers; `v2`: to who asked for the v2 infohash of a hybrid. */
  addPeers(endpoints: readonly Endpoint[], origin: PeerOrigin, v2: boolean): void {
    for (const endpoint of endpoints) this.#book.add(endpoint, origin, this.#now(), { v2 })
    this.connectMore()
  }

  /** Takes an accepted connection; undefined when it is not wanted. */
  accept(stream: ByteStream, received: Uint8Array): StreamListener | undefined {
    const { budget } = this.#shared
    if (this.#closing || !this.#hasRoom()) return undefined
    budget.accepted()
    const peer = this.#add("incoming", undefined, received)
    peer.attach(stream)
    return peer
  }

  /** Connects to due addresses of the book, as the budget allows. */
  connectMore(): void {
    const { budget } = this.#shared
    const now = this.#now()
    const due = (): boolean => this.#book.hasDue(now)
    while (!this.#closing && this.#of("outgoing").length < MAX_OUTGOING) {
      if (!budget.mayConnect(this, now, due)) return
      const endpoint = this.#book.next(now)
      if (endpoint === undefined) {
        budget.pass(this)
        return
      }
      budget.opened(this, now)
      const peer = this.#add("outgoing", endpoint)
      peer.attach(this.#connect(endpoint, peer))
    }
  }

  /** Time-outs. To be called every 250 ms. `forHashes`: who speaks v2 is of use without offering the metadata. */
  tick(now: number, forHashes: boolean): void {
    for (const [peer, { offers, since }] of [...this.#peers]) {
      peer.tick(now)
      const useful = offers || (forHashes && peer.v2)
      if (!useful && now - since >= PATIENCE) peer.close(new Error("it does not offer the metadata"))
    }
  }

  /** It lies, or does not answer. */
  drop(peer: MetadataPeer, reason: string): void {
    const address = this.#peers.get(peer)?.address
    if (address !== undefined) this.#book.ban(address)
    this.#log("info", `a peer is not asked for the metadata any more: ${reason}`)
    peer.close(new Error(reason))
  }

  /** It refuses what it says it has: its place is another's. */
  letGo(peer: MetadataPeer, reason: string): void {
    const connected = this.#peers.get(peer)
    if (connected !== undefined) connected.offers = false
    peer.close(new Error(reason))
  }

  /** Nobody new is wanted. */
  stop(): void {
    this.#closing = true
    this.#shared.budget.pass(this)
  }

  /** Leaves the connections that stand to somebody else. They count here until they are handed over. */
  release(): MetadataPeer[] {
    this.stop()
    for (const [peer, { ready }] of [...this.#peers]) if (!ready) peer.close()
    return [...this.#peers.keys()]
  }

  close(): void {
    this.stop()
    for (const peer of [...this.#peers.keys()]) peer.close()
  }

  onReady(peer: MetadataPeer): void {
    const connected = this.#peers.get(peer)
    if (connected === undefined) return
    if (samePeerId(peer.peerId, this.#shared.peerId)) {
      // The end that opened it knows the address. The other waits for it: closed at once, it would not have answered.
      if (connected.address === undefined) return
      this.#book.forget(connected.address)
      peer.close(new Error("connected to ourselves"))
    } else if ([...this.#peers].some(([other, { ready }]) => ready && samePeerId(other.peerId, peer.peerId))) {
      peer.close(new Error("connected twice"))
    } else {
      connected.ready = true
      if (connected.address !== undefined) this.#book.answered(connected.address)
      if (peer.v2) this.#host.onSpeaksV2(peer)
    }
  }

  onSize(peer: MetadataPeer, size: number): void {
    const connected = this.#peers.get(peer)
    if (connected === undefined) return
    connected.offers = true
    const client = peer.peerId === undefined ? undefined : clientOf(peer.peerId)
    this.#host.onOffer(peer, size, client?.startsWith(ONE_AT_A_TIME) ? 1 : DEPTH)
  }

  onMessage(peer: MetadataPeer, message: MetadataMessage): void {
    this.#host.onMessage(peer, message)
  }

  onHashes(peer: MetadataPeer, request: HashRequest, hashes: Uint8Array | undefined): void {
    this.#host.onHashes(peer, request, hashes)
  }

  onOurAddress({ remote }: MetadataPeer, address: Uint8Array): void {
    if (remote !== undefined) this.external.vote(remote.host, address)
  }

  onPort({ remote }: MetadataPeer, port: number): void {
    if (remote !== undefined) this.#shared.dht?.nodeAt({ host: remote.host, port })
  }

  onClosed(peer: MetadataPeer, reason: Error | undefined): void {
    const connected = this.#peers.get(peer)
    if (connected === undefined) return
    this.#peers.delete(peer)
    this.#shared.budget.closed()
    const { address } = connected
    if (address !== undefined) {
      const outcome = connected.offers ? "useful" : peer.reached && !connected.ready ? "refused" : "failed"
      this.#book.ended(address, outcome, this.#now())
      this.#log("debug", `${address.host}:${address.port}: closed, ${reason?.message ?? "by the other side"}`)
    }
    this.#host.onLeft(peer)
  }

  /** Those that we opened, or others; the oldest is first. */
  #of(direction: "outgoing" | "incoming"): MetadataPeer[] {
    return [...this.#peers.keys()].filter((peer) => peer.direction === direction)
  }

  /** Whether one more may come in. The oldest whose handshake stalls leaves for it: an honest one's comes in one piece. */
  #hasRoom(): boolean {
    const incoming = this.#of("incoming")
    const { budget } = this.#shared
    if (incoming.length < MAX_INCOMING && budget.mayAccept) return true
    const stalled = incoming.find((peer) => this.#peers.get(peer)?.ready === false)
    stalled?.close(new Error("its handshake stalls, and another wants its place"))
    return stalled !== undefined || (incoming.length < MAX_INCOMING && budget.giveTo(this.connections, this.#now()))
  }

  #add(direction: "outgoing" | "incoming", address: Endpoint | undefined, received?: Uint8Array): MetadataPeer {
    const { platform, peerId, clientVersion, dht } = this.#shared
    const peer = new MetadataPeer({
      host: this,
      clock: platform.clock,
      infoHash: this.#infoHash,
      infoHashV2: this.#infoHashV2,
      opensWith: address && this.#nameFor(address),
      peerId,
      direction,
      clientVersion,
      dht: dht !== undefined,
      portFor: (host) => this.external.portSeenFrom(host),
      received,
    })
    this.#peers.set(peer, { address, since: platform.clock.now(), ready: false, offers: false })
    return peer
  }

  /** The infohash that a connection there begins with. */
  #nameFor(endpoint: Endpoint): Uint8Array {
    const v2 = this.#infoHashV2
    return v2 !== undefined && this.#book.beginsWithV2(endpoint) ? v2 : this.#infoHash
  }

  #connect(endpoint: Endpoint, peer: MetadataPeer): ByteStream {
    const { platform, encryption } = this.#shared
    if (!this.#book.encrypts(endpoint)) return platform.net.connect(endpoint, peer)
    const options = { tools: mseTools(platform), skey: this.#nameFor(endpoint), provide: providedMethods(encryption) }
    return connectEncrypted(platform.net, endpoint, peer, options)
  }

  #now(): number {
    return this.#shared.platform.clock.now()
  }

  #log(level: "debug" | "info", message: string): void {
    this.#shared.platform.log.log(level, "metadata", message)
  }
}
