import type { Bitfield } from "../bytes/bitfield.js"
import type { PeerHost } from "../peer/peer-host.js"
import { PeerSession } from "../peer/peer-session.js"
import type { Picker } from "../picker/picker.js"
import type { PieceTable } from "../picker/piece-table.js"
import type { Clock } from "../ports/clock.js"
import type { Log } from "../ports/log.js"
import type { ByteStream, Net } from "../ports/net.js"
import type { Slot } from "../storage/slots.js"
import { Asking } from "./asking.js"
import { Choking } from "./choking.js"
import type { ConnectionBudget } from "./connection-budget.js"
import type { Intake } from "./intake.js"
import { Interest } from "./interest.js"
import type { ConnectionOutcome, PeerBook } from "./peer-book.js"
import { PeerSource } from "./peer-source.js"
import type { RateLimit } from "./rate-limit.js"
import type { Totals } from "./totals.js"
import type { Uploads } from "./uploads.js"

/** Peers of one torrent at most (reliability: 80 a torrent, 200 in all). */
const MAX_PEERS = 80
export interface SwarmOptions {
  readonly net: Net
  readonly clock: Clock
  readonly log: Log
  readonly table: PieceTable<Slot>
  readonly picker: Picker<Slot>
  readonly intake: Intake
  readonly uploads: Uploads
  readonly book: PeerBook
  readonly budget: ConnectionBudget
  readonly totals: Totals
  readonly downloadLimit: RateLimit
  readonly infoHash: Uint8Array
  readonly peerId: Uint8Array
  readonly clientVersion: string
  readonly listenPort: number | undefined
  readonly nextSourceId: () => number
  /** Go on giving when all is there. */
  readonly seed: boolean
  /** Where our pieces are announced from. */
  readonly have: Bitfield
}

/** The peers of one torrent: connects and accepts, and leads what they say to those whom it concerns. */
export class Swarm implements PeerHost<PeerSession> {
  readonly #o: SwarmOptions
  readonly #peers = new Map<PeerSession, PeerSource>()
  readonly #interest: Interest
  readonly #choking: Choking
  readonly #asking: Asking
  #closing = false
  #paused = false

  constructor(options: SwarmOptions) {
    this.#o = options
    this.#interest = new Interest(options.table)
    this.#choking = new Choking(options.uploads)
    this.#asking = new Asking(options)
  }

  /** Peers with whom the handshake is done. */
  *connected(): Generator<PeerSource> {
    for (const peer of this.#peers.values()) if (peer.ready) yield peer
  }

  get connectedCount(): number {
    let count = 0
    for (const _ of this.connected()) count++
    return count
  }

  get connectingCount(): number {
    return this.#peers.size - this.connectedCount
  }

  sourceById(id: number): PeerSource | undefined {
    for (const peer of this.#peers.values()) if (peer.id === id) return peer
    return undefined
  }

  /** True when some connected peer has the piece, choked or not. */
  anyoneHas(piece: number): boolean {
    for (const peer of this.connected()) if (peer.session.pieces?.has(piece)) return true
    return false
  }

  /** Connects to due addresses of the book, as the budget allows. */
  connectMore(): void {
    // With all there, only who goes on giving looks for others.
    if (this.#closing || (this.#o.table.remaining === 0 && !this.#o.seed)) return
    const now = this.#o.clock.now()
    while (this.#peers.size < MAX_PEERS && this.#o.budget.mayConnect(now)) {
      const endpoint = this.#o.book.next(now)
      if (endpoint === undefined) return
      this.#o.budget.opened(now)
      const peer = this.#add("outgoing")
      peer.addresses.push(endpoint)
      peer.session.attach(this.#o.net.connect(endpoint, peer.session))
    }
  }

  /** Takes an accepted connection whose info hash is ours; `received` is what was read of the handshake. */
  accept(stream: ByteStream, received: Uint8Array): PeerSession | undefined {
    if (this.#closing || this.#peers.size >= MAX_PEERS || this.#o.book.isBanned(stream.remote)) return undefined
    this.#o.budget.accepted()
    const { session } = this.#add("incoming", received)
    session.attach(stream)
    return session
  }

  /** We have one more piece: tell those who lack it. */
  announceHave(piece: number): void {
    for (const peer of this.connected()) if (!peer.session.pieces?.has(piece)) peer.session.sendHave(piece)
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
    for (const peer of [...this.#peers.values()]) peer.session.tick(now)
    this.#throttle()
    this.#interest.tick(this.connected(), now)
    this.#rechoke(now)
    this.#o.uploads.serveAll()
    this.fillAll()
    this.connectMore()
  }

  /** All is there: nothing more to ask anybody; and seeds have nothing to do with each other. */
  finished(): void {
    for (const peer of [...this.connected()]) {
      if (this.#useless(peer)) peer.session.close()
      else peer.session.setInterested(false)
    }
  }

  /** Drops a source that sent wrong bytes. */
  convict(peer: PeerSource): void {
    this.#o.book.ban(peer.session.remote)
    peer.session.close(new Error("sent wrong bytes"))
  }

  /** Closes all connections. */
  close(): void {
    this.#closing = true
    for (const session of [...this.#peers.keys()]) session.close()
  }

  onReady(session: PeerSession): void {
    const peer = this.#peers.get(session)
    if (peer === undefined) return
    if (same(session.peerId, this.#o.peerId)) {
      if (session.direction === "outgoing") this.#o.book.forget(session.remote)
      session.close(new Error("connected to ourselves"))
      return
    }
    const twin = [...this.connected()].find((other) => same(other.session.peerId, session.peerId))
    if (twin !== undefined) {
      const [kept, dropped] = this.#outranks(session, twin.session) ? [peer, twin] : [twin, peer]
      // Both lead to the same peer: none is to be tried while it is connected.
      kept.addresses.push(...dropped.addresses.splice(0))
      dropped.session.close(new Error("connected twice"))
      if (dropped === peer) return
    }
    peer.ready = true
    this.#o.log.log("debug", "peer", `${name(session)}: connected, ${session.clientName}`)
    session.announcePieces(this.#o.have)
  }

  onClosed(session: PeerSession, reason: Error | undefined): void {
    const peer = this.#peers.get(session)
    if (peer === undefined) return
    this.#peers.delete(session)
    const now = this.#o.clock.now()
    this.#o.budget.closed()
    const outcome = this.#outcome(peer)
    for (const address of peer.addresses) this.#o.book.ended(address, outcome, now)
    if (session.writer.block !== undefined) this.#o.intake.abandonBlock(session.writer.block, session.writer)
    this.#interest.forget(peer, session.pieces)
    this.#o.uploads.forget(session)
    this.#o.picker.forget(peer.id)
    this.#o.log.log("debug", "peer", `${name(session)}: closed, ${reason?.message ?? "by the other side"}`)
    if (this.#closing) return
    this.#rechoke(now)
    // What it was asked for is free for the others.
    this.fillAll()
  }

  onPieces(session: PeerSession, previous: Bitfield | undefined): void {
    const peer = this.#peers.get(session)
    if (peer === undefined) return
    this.#interest.pieces(peer, previous)
    if (this.#useless(peer)) session.close()
    else this.#interest.update(peer)
  }

  onHave(session: PeerSession, piece: number): void {
    const peer = this.#peers.get(session)
    if (peer === undefined) return
    if (this.#interest.have(peer, piece)) this.#fill(peer)
    else if (this.#useless(peer)) session.close()
  }

  onChoked(): void {
    this.fillAll()
  }

  onUnchoked(session: PeerSession): void {
    this.onRoom(session)
  }

  onInterestChanged(session: PeerSession): void {
    if (session.peerInterested || !session.amChoking) this.#rechoke(this.#o.clock.now())
  }

  onRequest(session: PeerSession, piece: number, begin: number, length: number): void {
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
    const peer = this.#peers.get(session)
    if (peer === undefined) return
    const length = this.#o.table.layout.blockLength(block)
    this.#o.intake.unask(block)
    this.#o.downloadLimit.take(length)
    const kept = this.#o.intake.endBlock(block, session.writer, peer.id)
    this.#o.totals.fromPeer(length, kept, this.#o.clock.now())
    if (kept && this.#o.table.count("missing") === 0) this.#cancelCopies(peer, block)
    // Not before the next tick would be too late: a fast peer sends megabytes in one.
    if (!this.#paused) this.#throttle()
  }

  onDropped(_session: PeerSession, block: number): void {
    this.#o.intake.unask(block)
  }

  onRoom(session: PeerSession): void {
    const peer = this.#peers.get(session)
    if (peer?.ready) this.#fill(peer)
  }

  onExtended(session: PeerSession): void {
    const peer = this.#peers.get(session)
    if (peer === undefined) return
    if (this.#useless(peer)) session.close()
    else if (peer.addresses.length === 0 && session.listenPort !== undefined) {
      const address = { host: session.remote.host, port: session.listenPort }
      if (this.#o.book.claim(address)) peer.addresses.push(address)
    }
  }

  onAllowedFast(session: PeerSession): void {
    this.onRoom(session)
  }

  onSendRoom(session: PeerSession): void {
    this.#o.uploads.serve(session)
  }

  #add(direction: "outgoing" | "incoming", received?: Uint8Array): PeerSource {
    const port = this.#o.listenPort
    const session = new PeerSession({
      host: this,
      clock: this.#o.clock,
      layout: this.#o.table.layout,
      infoHash: this.#o.infoHash,
      peerId: this.#o.peerId,
      clientVersion: this.#o.clientVersion,
      direction,
      ...(port === undefined ? {} : { listenPort: port }),
      ...(received === undefined ? {} : { received }),
    })
    const peer = new PeerSource(this.#o.nextSourceId(), session)
    this.#peers.set(session, peer)
    return peer
  }

  /**
   * Two clients that connect to each other at the same time must drop the same connection. As in libtorrent, the one
   * stays that was opened by the side with the larger peer id; of two opened by one side, the older.
   */
  #outranks(session: PeerSession, older: PeerSession): boolean {
    if (session.direction === older.direction || session.peerId === undefined) return false
    return (session.direction === "outgoing") === isLarger(this.#o.peerId, session.peerId)
  }

  #outcome(peer: PeerSource): ConnectionOutcome {
    const { session, ready } = peer
    if (!ready) return "failed"
    if (this.#o.table.remaining === 0 && session.uploadOnly) return "satisfied"
    return session.downloaded + session.uploaded > 0 ? "useful" : "idle"
  }

  #fill(peer: PeerSource): void {
    if (!this.#closing && !this.#paused) this.#asking.fill(peer, this.#o.clock.now())
  }

  /** End-game: the block is here, so take back the same request from others. */
  #cancelCopies(giver: PeerSource, block: number): void {
    for (const peer of this.connected()) {
      if (peer !== giver && peer.isAsked(block)) peer.session.cancel(block)
    }
  }

  /** Neither side has anything for the other. */
  #useless(peer: PeerSource): boolean {
    return this.#o.table.remaining === 0 && this.#o.have.complete && peer.session.uploadOnly
  }

  #rechoke(now: number): void {
    this.#choking.rechoke([...this.connected()], { now, seeding: this.#o.table.remaining === 0 })
  }

  /** Stops reading from peers while the download limit is overdrawn. */
  #throttle(): void {
    const pause = !this.#o.downloadLimit.open
    if (pause === this.#paused) return
    this.#paused = pause
    for (const { session } of this.connected()) session.holdReading(pause)
  }
}

function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && a.every((byte, i) => byte === b[i])
}

function isLarger(a: Uint8Array, b: Uint8Array): boolean {
  const at = a.findIndex((byte, i) => byte !== b[i])
  return at >= 0 && (a[at] ?? 0) > (b[at] ?? 0)
}

function name(session: PeerSession): string {
  return `${session.remote.host}:${session.remote.port}`
}
