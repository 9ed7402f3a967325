import type { Bitfield } from "../bytes/bitfield.js"
import type { HashRequest } from "../metainfo/hash-request.js"
import { extensionsOf, METADATA_ID, PEX_ID } from "../peer/extension-ids.js"
import type { MetadataPeer } from "../peer/metadata-peer.js"
import { connectEncrypted } from "../peer/outgoing-encryption.js"
import type { PeerHost } from "../peer/peer-host.js"
import { PeerSession, type PeerSessionOptions } from "../peer/peer-session.js"
import type { Picker } from "../picker/picker.js"
import type { PieceTable } from "../picker/piece-table.js"
import type { Clock } from "../ports/clock.js"
import type { Hasher } from "../ports/hasher.js"
import type { Log } from "../ports/log.js"
import type { ByteStream, Endpoint, Net } from "../ports/net.js"
import type { Slot } from "../storage/slots.js"
import type { ExtensionHandshake } from "../wire/extension.js"
import type { MseTools } from "../wire/mse.js"
import { Admission } from "./admission.js"
import { allowFastPieces } from "./allowed-fast.js"
import { Asking } from "./asking.js"
import { Choking } from "./choking.js"
import type { ConnectionBudget } from "./connection-budget.js"
import type { DhtLink } from "./discovery.js"
import type { ExternalAddress } from "./external-address.js"
import type { HashAnswers } from "./hash-answers.js"
import type { Intake } from "./intake.js"
import { Interest } from "./interest.js"
import type { MetadataUploads } from "./metadata-uploads.js"
import type { PeerBook, PriorityOf } from "./peer-book.js"
import type { PeerExchange } from "./peer-exchange.js"
import { PeerSource } from "./peer-source.js"
import type { RateLimit } from "./rate-limit.js"
import { Roster } from "./roster.js"
import { Soon } from "./soon.js"
import { Throttle } from "./throttle.js"
import type { Totals } from "./totals.js"
import { outranks, samePeerId } from "./twins.js"
import type { Uploads } from "./uploads.js"

export interface SwarmOptions {
  readonly net: Net
  readonly clock: Clock
  readonly hasher: Pick<Hasher, "digest">
  readonly log: Log
  readonly table: PieceTable<Slot>
  readonly picker: Picker<Slot>
  readonly intake: Intake
  readonly uploads: Uploads
  /** Undefined: the metadata is not given. */
  readonly metadataUploads: MetadataUploads | undefined
  /** Undefined: none. */
  readonly pex: PeerExchange | undefined
  readonly book: PeerBook
  /** Hears what peers take for our address. */
  readonly external: ExternalAddress
  readonly priorityOf: PriorityOf
  readonly budget: ConnectionBudget
  /** Default: 80. */
  readonly maxPeers?: number | undefined
  readonly totals: Totals
  readonly downloadLimit: RateLimit
  readonly infoHash: Uint8Array
  /** The first 20 bytes of the v2 infohash, if there is one. */
  readonly infoHashV2: Uint8Array | undefined
  readonly peerId: Uint8Array
  readonly clientVersion: string
  readonly listenPort: number | undefined
  /** For connections that we open. */
  readonly encryption: { readonly tools: MseTools; readonly provide: number }
  /** Undefined: the torrent has nothing to do with the DHT. */
  readonly dht?: DhtLink | undefined
  readonly nextSourceId: () => number
  /** For a torrent with hash trees (BEP 52). */
  readonly hashAnswers: HashAnswers | undefined
  readonly onHashes: (request: HashRequest, hashes: Uint8Array | undefined) => void
  /** Go on giving when all is there. */
  readonly seed: boolean
  /** Where our pieces are announced from. */
  readonly have: Bitfield
}

/** Pieces that are told one by one to who was told before that we have none; with more it is better to begin anew. */
const MAX_HAVES = 1000

/** The peers of one torrent: connects and accepts, and leads what they say to those whom it concerns. */
export class Swarm extends Roster implements PeerHost<PeerSession> {
  readonly #o: SwarmOptions
  readonly #interest: Interest
  readonly #choking: Choking
  readonly #asking: Asking
  readonly #admission: Admission
  readonly #throttle: Throttle
  readonly #refill = new Soon(() => this.fillAll())
  readonly #rechoke = new Soon(() => this.#chokeAnew())
  #closing = false

  constructor(options: SwarmOptions) {
    super()
    this.#o = options
    this.#interest = new Interest(options.table, options.picker.fellows)
    this.#choking = new Choking(options.uploads, options.have)
    this.#asking = new Asking({ ...options, peers: () => this.connected() })
    this.#admission = new Admission({ ...options, peers: () => this.peers.values() })
    const { clock, totals } = options
    this.#throttle = new Throttle({
      clock,
      totals,
      limit: options.downloadLimit,
      peers: () => this.connected(),
      onRelease: () => this.fillAll(),
    })
  }

  /** Reads nothing until the download limit allows more. */
  get holding(): boolean {
    return this.#throttle.holding
  }

  /** Connects to due addresses of the book, as the budget allows. */
  connectMore(): void {
    // With all there, only who goes on giving looks for others.
    if (this.#closing || (this.#o.table.remaining === 0 && !this.#o.seed)) return
    const now = this.#o.clock.now()
    while (this.#admission.mayConnect(now)) {
      const endpoint = this.#o.book.next(now)
      if (endpoint === undefined) return
      this.#o.budget.opened(now)
      const peer = this.#add("outgoing")
      peer.addresses.push(endpoint)
      peer.session.attach(this.#connect(endpoint, peer.session))
    }
  }

  /** Takes an accepted connection whose info hash is ours; `received` is what was read of the handshake. */
  accept(stream: ByteStream, received: Uint8Array): PeerSession | undefined {
    if (this.#closing || this.#o.book.isBanned(stream.remote)) return undefined
    if (!this.#admission.mayAccept(stream.remote, this.#o.clock.now())) return undefined
    this.#o.budget.accepted()
    const { session } = this.#add("incoming", { received })
    session.attach(stream)
    return session
  }

  /** Takes over a connection that was used to fetch the metadata. The budget counts it already. */
  adopt(connection: MetadataPeer): void {
    connection.handOver((stream, received) => {
      const unwanted = this.#closing || this.#o.have.count > MAX_HAVES || this.#o.book.isBanned(stream.remote)
      const peer = unwanted ? undefined : this.#add(connection.direction, { received, adopted: true })
      if (peer === undefined) {
        this.#o.budget.closed()
        return undefined
      }
      if (this.#o.book.claim(stream.remote)) peer.addresses.push(stream.remote)
      peer.session.attach(stream)
      return peer.session
    })
  }

  /** Asks every peer that has room for more blocks. */
  fillAll(): void {
    for (const peer of this.connected()) this.#fill(peer)
  }

  /** Other pieces are needed than before. */
  reconsider(): void {
    this.#o.book.reconsider()
    for (const peer of this.connected()) this.#interest.update(peer)
    this.fillAll()
    this.connectMore()
  }

  /** To be called every 250 ms. */
  tick(now: number): void {
    for (const peer of [...this.peers.values()]) peer.session.tick(now)
    this.#throttle.tick()
    this.#interest.tick(this.connected(), now)
    this.#admission.tick(now)
    this.#o.pex?.tick([...this.connected()], now)
    this.#chokeAnew()
    this.#o.uploads.serveAll()
    this.fillAll()
    for (const soon of [this.#refill, this.#rechoke]) soon.tick()
    this.connectMore()
  }

  /** All is there: nothing more to ask anybody; and seeds have nothing to do with each other. */
  finished(): void {
    for (const peer of [...this.connected()]) {
      if (this.#interest.useless(peer)) peer.session.close()
      else peer.session.setInterested(false)
    }
  }

  /** The block is here, from whomever: those who were asked for it too need not send it. */
  cancelCopies(block: number): void {
    this.#asking.cancelCopies(this.connected(), block)
  }

  /** Drops a source that sent wrong bytes. */
  convict(peer: PeerSource): void {
    const { addresses, session } = peer
    for (const address of addresses.length > 0 ? addresses : [session.remote]) this.#o.book.ban(address)
    peer.session.close(new Error("sent wrong bytes"))
  }

  /** Closes all connections. */
  close(): void {
    this.#closing = true
    this.#throttle.close()
    this.#o.uploads.close()
    for (const session of [...this.peers.keys()]) session.close()
  }

  onReady(session: PeerSession): void {
    const peer = this.peers.get(session)
    if (peer === undefined) return
    if (samePeerId(session.peerId, this.#o.peerId)) {
      // The end that opened it knows the address. The other waits for it: closed at once, it would not have answered.
      if (session.direction === "incoming") return
      this.#o.book.forget(session.remote)
      session.close(new Error("connected to ourselves"))
      return
    }
    const twin = [...this.connected()].find((other) => samePeerId(other.session.peerId, session.peerId))
    if (twin !== undefined) {
      const [kept, dropped] = outranks(session, twin.session, this.#o.peerId) ? [peer, twin] : [twin, peer]
      // Both lead to the same peer: none is to be tried while it is connected.
      kept.addresses.push(...dropped.addresses.splice(0))
      dropped.session.close(new Error("connected twice"))
      if (dropped === peer) return
    }
    peer.ready = true
    if (session.direction === "outgoing") this.#o.book.answered(session.remote)
    const how = session.encrypted ? "connected, encrypted" : "connected"
    this.#o.log.log("debug", "peer", `${name(session)}: ${how}, ${session.clientName}`)
    if (this.#throttle.holding) session.holdReading(true)
    session.announcePieces(this.#o.have)
    const dhtPort = this.#o.dht?.port(session.remote.host)
    if (dhtPort !== undefined) session.sendPort(dhtPort)
    const { infoHash, hasher, table, have } = this.#o
    allowFastPieces(session, { infoHash, hasher, layout: table.layout, have })
  }

  onClosed(session: PeerSession, reason: Error | undefined): void {
    const peer = this.peers.get(session)
    if (peer === undefined) return
    this.peers.delete(session)
    const now = this.#o.clock.now()
    this.#o.budget.closed()
    const outcome = this.#interest.outcome(peer)
    for (const address of peer.addresses) this.#o.book.ended(address, outcome, now)
    if (session.writer.block !== undefined) this.#o.intake.abandonBlock(session.writer.block, session.writer)
    this.#interest.forget(peer, session.pieces)
    this.#o.uploads.forget(session)
    this.#o.metadataUploads?.forget(session)
    this.#o.pex?.forget(peer)
    this.#o.picker.forget(peer.id)
    this.#o.log.log("debug", "peer", `${name(session)}: closed, ${reason?.message ?? "by the other side"}`)
    this.#rechoke.ask()
    // What it was asked for is free for the others.
    this.#refill.ask()
  }

  onPieces(session: PeerSession, previous: Bitfield | undefined): void {
    const peer = this.peers.get(session)
    if (peer === undefined) return
    this.#interest.pieces(peer, previous)
    if (this.#interest.useless(peer)) session.close()
    else this.#interest.update(peer)
  }

  onHave(session: PeerSession, piece: number): void {
    const peer = this.peers.get(session)
    if (peer === undefined) return
    if (this.#interest.have(peer, piece)) {
      this.#asking.turnFromSeed(peer, piece, this, this.#o.clock.now())
      this.#refill.ask()
    } else if (this.#interest.useless(peer)) session.close()
  }

  onDontHave(session: PeerSession, piece: number): void {
    const peer = this.peers.get(session)
    if (peer === undefined) return
    this.#interest.dontHave(peer, piece)
    this.#o.picker.forget(peer.id)
    // Who has a piece is not told that we have it, too.
    if (this.#o.have.has(piece)) session.sendHave(piece)
    this.#refill.ask()
  }

  onChoked(): void {
    this.#refill.ask()
  }

  // After these the session offers its room by itself, once for all that came together.
  onUnchoked(): void {}
  onAllowedFast(): void {}

  onInterestChanged(): void {
    this.#rechoke.ask()
  }

  onRequest(session: PeerSession, piece: number, begin: number, length: number): void {
    this.peers.get(session)?.requested(this.#o.clock.now())
    if (this.#o.have.has(piece)) this.#o.uploads.request(session, piece, begin, length)
    else session.reject(piece, begin, length)
  }

  onCancel(session: PeerSession, piece: number, begin: number, length: number): void {
    this.#o.uploads.cancel(session, piece, begin, length)
  }

  onBlockBegin(session: PeerSession, block: number): Uint8Array | null {
    return this.#o.intake.beginBlock(block, session.writer)
  }

  onBlockEnd(session: PeerSession, block: number): void {
    const peer = this.peers.get(session)
    if (peer === undefined) return
    const length = this.#o.table.layout.blockLength(block)
    this.#o.intake.unask(block)
    this.#throttle.took(length)
    const kept = this.#o.intake.endBlock(block, session.writer, peer.id)
    this.#o.totals.fromPeer(length, kept, this.#o.clock.now())
  }

  onUnasked(_session: PeerSession, length: number): void {
    this.#throttle.took(length)
    this.#o.totals.unasked(length)
  }

  onDropped(_session: PeerSession, block: number): void {
    this.#o.intake.unask(block)
  }

  onRoom(session: PeerSession): void {
    const peer = this.peers.get(session)
    if (peer?.ready) this.#fill(peer)
  }

  onExtended(session: PeerSession, { yourAddress }: ExtensionHandshake): void {
    const peer = this.peers.get(session)
    if (peer === undefined) return
    if (yourAddress !== undefined) this.#o.external.vote(session.remote.host, yourAddress)
    if (this.#interest.useless(peer)) session.close()
    else if (peer.addresses.length === 0 && session.listenPort !== undefined) {
      const address = { host: session.remote.host, port: session.listenPort }
      // Known from here on: named by another peer later, it would be connected to a second time.
      this.#o.book.add(address, "incoming", this.#o.clock.now())
      if (this.#o.book.claim(address)) peer.addresses.push(address)
    }
  }

  onExtensionMessage(session: PeerSession, id: number, payload: Uint8Array): void {
    const now = this.#o.clock.now()
    const peer = this.peers.get(session)
    if (id === METADATA_ID) this.#o.metadataUploads?.onMessage(session, payload, now)
    else if (id === PEX_ID && peer !== undefined) this.#o.pex?.onMessage(peer, payload, now)
  }

  onHashRequest(session: PeerSession, request: HashRequest): void {
    if (this.#o.hashAnswers === undefined) session.sendHashes(request, undefined)
    else this.#o.hashAnswers.answer(session, request)
  }

  onHashes(_session: PeerSession, request: HashRequest, hashes: Uint8Array | undefined): void {
    this.#o.onHashes(request, hashes)
  }

  onPort({ remote }: PeerSession, port: number): void {
    this.#o.dht?.nodeAt({ host: remote.host, port })
  }

  onSendRoom(session: PeerSession): void {
    this.#o.uploads.serve(session)
  }

  #add(direction: "outgoing" | "incoming", taken: Pick<PeerSessionOptions, "received" | "adopted"> = {}): PeerSource {
    const { listenPort: port, metadataUploads: metadata, pex } = this.#o
    const session = new PeerSession({
      host: this,
      clock: this.#o.clock,
      layout: this.#o.table.layout,
      infoHash: this.#o.infoHash,
      infoHashV2: this.#o.infoHashV2,
      peerId: this.#o.peerId,
      clientVersion: this.#o.clientVersion,
      direction,
      dht: this.#o.dht !== undefined,
      ...(port === undefined ? {} : { listenPort: port }),
      extensions: extensionsOf({ metadata: metadata !== undefined, pex: pex !== undefined }),
      ...(metadata === undefined ? {} : { metadataSize: metadata.size }),
      ...taken,
    })
    const peer = new PeerSource(this.#o.nextSourceId(), session, this.#o.clock.now())
    this.peers.set(session, peer)
    return peer
  }

  #connect(endpoint: Endpoint, session: PeerSession): ByteStream {
    const { net, book, infoHash, encryption } = this.#o
    if (!book.encrypts(endpoint)) return net.connect(endpoint, session)
    const { tools, provide } = encryption
    return connectEncrypted(net, endpoint, session, { tools, skey: infoHash, provide })
  }

  #fill(peer: PeerSource): void {
    if (!this.#closing && !this.#throttle.holding) this.#asking.fill(peer, this.#o.clock.now())
  }

  #chokeAnew(): void {
    if (this.#closing) return
    const now = this.#o.clock.now()
    this.#choking.rechoke([...this.connected()], { now, seeding: this.#o.table.remaining === 0 })
  }
}

function name(session: PeerSession): string {
  return `${session.remote.host}:${session.remote.port}`
}
