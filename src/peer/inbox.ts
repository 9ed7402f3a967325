import { Bitfield } from "../bytes/bitfield.js"
import { ProtocolError } from "../errors.js"
import type { HashRequest } from "../metainfo/hash-request.js"
import type { TorrentLayout } from "../metainfo/layout.js"
import type { Clock } from "../ports/clock.js"
import { decodeDontHave } from "../wire/dont-have.js"
import { decodeExtensionHandshake, EXTENSION_HANDSHAKE_ID, type ExtensionHandshake } from "../wire/extension.js"
import { HASH_HEADER_LENGTH, readHashHeader } from "../wire/hash-messages.js"
import { MAX_BLOCK_LENGTH, MessageId } from "../wire/message.js"
import type { WireSink } from "../wire/sink.js"
import type { BlockWriter } from "./block-writer.js"
import { DONT_HAVE_ID } from "./extension-ids.js"
import type { OwnRequests } from "./own-requests.js"
import type { PeerHost } from "./peer-host.js"
import type { PeerState } from "./peer-state.js"
import type { TheirRequests } from "./their-requests.js"

/**
 * Some clients send their bitfield late, or again; each costs us work for every piece. Those that stand for haves and are
 * shorter (aria2 sends such) don't count: there can't be many.
 */
const MAX_BITFIELDS = 4
/** On the wire, bytes (BEP 3): a have, and a bitfield without its bits. */
const HAVE_SIZE = 9
const BITFIELD_HEADER = 5
/** The same for extended handshakes: BEP 10 allows many. Those beyond are ignored. */
const MAX_EXTENDED_HANDSHAKES = 16
/** PORT messages that are listened to: each makes us send a datagram. */
const MAX_PORTS = 4
/** Names remembered, over all of its handshakes. */
const MAX_EXTENSIONS = 64
/** Pieces remembered; BEP 6 sends ten. */
const MAX_ALLOWED_FAST = 100
/** A peer that asks and does not read the answers is cut off when so many bytes wait. */
export const MAX_BACKLOG = 16 << 20

/** Requests for hashes at a time (libtorrent: 2). */
const MAX_HASH_REQUESTS = 4

/** What the inbox needs of its session beside the state. */
interface Answering {
  readonly sendBacklog: number
  reject(piece: number, begin: number, length: number): void
}

/** Takes a peer's messages: checks them, changes the peer's state, and passes on to the host what happened. */
export class Inbox<Peer extends PeerState & Answering> implements WireSink {
  readonly writer: BlockWriter
  /** Something happened after which there may be room for more requests. */
  roomDue = false
  /** When the block that is arriving began, ms. */
  blockBegan: number | undefined
  #resting = false
  #bitfields = 0
  #extendedHandshakes = 0
  /** Asked of it and not answered. */
  readonly #hashRequests: HashRequest[] = []
  #ports = 0
  readonly #extensionIds = new Map<string, number>()
  readonly #peer: Peer
  readonly #host: PeerHost<Peer>
  readonly #clock: Clock
  readonly #layout: TorrentLayout
  readonly #own: OwnRequests
  readonly #theirs: TheirRequests
  readonly #onPayload: (bytes: number, now: number) => void

  constructor(options: {
    peer: Peer
    host: PeerHost<Peer>
    clock: Clock
    layout: TorrentLayout
    own: OwnRequests
    theirs: TheirRequests
    /** A block came, wanted or not. */
    onPayload: (bytes: number, now: number) => void
  }) {
    this.writer = options.peer.writer
    this.#peer = options.peer
    this.#host = options.host
    this.#clock = options.clock
    this.#layout = options.layout
    this.#own = options.own
    this.#theirs = options.theirs
    this.#onPayload = options.onPayload
  }

  /** It rejected a request: asking on at once could go back and forth without end. */
  get resting(): boolean {
    return this.#resting
  }

  rested(): void {
    if (this.#resting) this.roomDue = true
    this.#resting = false
  }

  /** The other side's id for an extension; undefined when it does not take part. */
  extensionId(name: string): number | undefined {
    return this.#extensionIds.get(name)
  }

  onChoke(): void {
    const peer = this.#peer
    if (peer.peerChoking) return
    peer.peerChoking = true
    // With the fast extension each request is answered all the same (BEP 6).
    if (!peer.fast) {
      for (const block of this.#own.blocks()) if (this.#own.giveUp(block)) this.#host.onDropped(peer, block)
    }
    this.#host.onChoked(peer)
  }

  onUnchoke(): void {
    if (!this.#peer.peerChoking) return
    this.#peer.peerChoking = false
    this.roomDue = true
    this.#host.onUnchoked(this.#peer)
  }

  onInterested(): void {
    this.#setInterested(true)
  }

  onNotInterested(): void {
    this.#setInterested(false)
  }

  onHave(piece: number): void {
    if (piece >= this.#layout.pieceCount) throw new ProtocolError(`it has piece ${piece}, which does not exist`)
    // Who has nothing may leave its bitfield out (BEP 3).
    const pieces = this.#peer.pieces ?? this.#setPieces(new Bitfield(this.#layout.pieceCount))
    if (pieces.add(piece)) this.#host.onHave(this.#peer, piece)
  }

  onBitfield(bytes: Uint8Array): void {
    const pieces = Bitfield.fromBytes(bytes, this.#layout.pieceCount)
    if (pieces === undefined) throw new ProtocolError("a bitfield with bits beyond the last piece")
    this.#setPieces(pieces)
  }

  onHaveAll(): void {
    this.#fastOnly("have all")
    const pieces = new Bitfield(this.#layout.pieceCount)
    pieces.fill()
    this.#setPieces(pieces)
  }

  onHaveNone(): void {
    this.#fastOnly("have none")
    this.#setPieces(new Bitfield(this.#layout.pieceCount))
  }

  onRequest(piece: number, begin: number, length: number): void {
    const peer = this.#peer
    if (length > MAX_BLOCK_LENGTH) throw new ProtocolError(`a request for ${length} bytes`)
    if (!this.#layout.mayAsk(piece, begin, length)) throw new ProtocolError("a request for bytes that do not exist")
    if (peer.sendBacklog > MAX_BACKLOG) throw new ProtocolError("it asks and does not read the answers")
    if (this.#theirs.full) throw new ProtocolError(`more than ${this.#theirs.size} requests at a time`)
    const served = !peer.amChoking || this.#theirs.useAllowance(piece)
    if (!this.#theirs.add(piece, begin, length)) return
    if (served) this.#host.onRequest(peer, piece, begin, length)
    else peer.reject(piece, begin, length)
  }

  onCancel(piece: number, begin: number, length: number): void {
    if (!this.#layout.mayAsk(piece, begin, length)) throw new ProtocolError("a cancel for bytes that do not exist")
    if (!this.#theirs.has(piece, begin, length)) return
    this.#host.onCancel(this.#peer, piece, begin, length)
    // BEP 6: each request has an answer, a cancelled one too.
    this.#peer.reject(piece, begin, length)
  }

  onPort(port: number): void {
    if (port > 0 && this.#ports++ < MAX_PORTS) this.#host.onPort?.(this.#peer, port)
  }

  onSuggestPiece(piece: number): void {
    this.#fastOnly("suggest piece")
    if (piece < this.#layout.pieceCount) this.#host.onSuggest?.(this.#peer, piece)
  }

  onRejectRequest(piece: number, begin: number, length: number): void {
    this.#fastOnly("reject request")
    const block = this.#layout.checkBlock(piece, begin, length)
    if (block === undefined || !this.#own.rejected(block, this.#clock.now())) {
      this.#stray()
      return
    }
    this.#resting = true
    // It allowed more than it keeps: it may (BEP 6), but we don't ask for that piece again.
    if (this.#peer.peerChoking) this.#peer.allowedFast.delete(piece)
    this.#host.onDropped(this.#peer, block)
  }

  onAllowedFast(piece: number): void {
    this.#fastOnly("allowed fast")
    const { allowedFast } = this.#peer
    if (piece >= this.#layout.pieceCount || allowedFast.size >= MAX_ALLOWED_FAST || allowedFast.has(piece)) return
    allowedFast.add(piece)
    this.roomDue = true
    this.#host.onAllowedFast(this.#peer, piece)
  }

  onExtended(id: number, payload: Uint8Array): void {
    // Many are answered, if only with a refusal.
    if (this.#peer.sendBacklog > MAX_BACKLOG) throw new ProtocolError("it asks and does not read the answers")
    if (id === EXTENSION_HANDSHAKE_ID) this.#onExtensionHandshake(payload)
    else if (id === DONT_HAVE_ID) this.#onDontHave(decodeDontHave(payload))
    else this.#host.onExtensionMessage?.(this.#peer, id, payload)
  }

  /** We are about to ask for hashes. False when enough is asked for. */
  expectHashes(request: HashRequest): boolean {
    if (this.#hashRequests.length >= MAX_HASH_REQUESTS) return false
    this.#hashRequests.push(request)
    return true
  }

  onHashMessage(id: number, payload: Uint8Array): void {
    const peer = this.#peer
    // Who speaks v1 may mean something else by these ids.
    if (!peer.v2) return
    const request = readHashHeader(payload)
    if (id === MessageId.hashRequest) {
      if (peer.sendBacklog > MAX_BACKLOG) throw new ProtocolError("it asks and does not read the answers")
      this.#host.onHashRequest?.(peer, request)
      return
    }
    const at = this.#hashRequests.findIndex((asked) => sameRequest(asked, request))
    if (at < 0) {
      this.#stray()
      return
    }
    this.#hashRequests.splice(at, 1)
    const hashes = id === MessageId.hashes ? payload.subarray(HASH_HEADER_LENGTH) : undefined
    this.#host.onHashes?.(peer, request, hashes)
  }

  beginBlock(piece: number, begin: number, length: number): void {
    const block = this.#layout.checkBlock(piece, begin, length)
    this.blockBegan = this.#clock.now()
    if (block === undefined || !this.#own.has(block)) {
      this.#stray()
      return
    }
    this.#own.progress(this.blockBegan)
    this.writer.block = block
    this.writer.destination = this.#host.onBlockBegin(this.#peer, block, length)
  }

  endBlock(_piece: number, _begin: number, length: number): void {
    const now = this.#clock.now()
    const { block, destination } = this.writer
    this.blockBegan = undefined
    this.writer.block = undefined
    this.writer.destination = null
    this.#onPayload(length, now)
    if (block === undefined) {
      this.#host.onUnasked?.(this.#peer, length)
      return
    }
    this.roomDue = true
    const latency = this.#own.answered(block, length, now)
    if (latency !== undefined) this.#host.onBlockEnd(this.#peer, block, destination !== null, latency)
  }

  #setInterested(interested: boolean): void {
    if (interested === this.#peer.peerInterested) return
    this.#peer.peerInterested = interested
    this.#host.onInterestChanged(this.#peer)
  }

  #setPieces(pieces: Bitfield): Bitfield {
    const previous = this.#peer.pieces
    const more = pieces.count - (previous?.count ?? 0)
    const worthwhile = more * HAVE_SIZE >= BITFIELD_HEADER + pieces.bytes.length
    if (!worthwhile && ++this.#bitfields > MAX_BITFIELDS) {
      throw new ProtocolError("it says again and again what it has")
    }
    this.#peer.pieces = pieces
    this.#host.onPieces(this.#peer, previous)
    return pieces
  }

  #onDontHave(piece: number): void {
    const peer = this.#peer
    if (piece >= this.#layout.pieceCount) throw new ProtocolError(`it lost piece ${piece}, which does not exist`)
    if (peer.sendBacklog > MAX_BACKLOG) throw new ProtocolError("it loses pieces and does not read what we say")
    if (peer.pieces?.delete(piece) !== true) return
    // With the fast extension rejects follow, as to what was cancelled.
    for (const block of this.#own.blocks()) {
      if (this.#layout.pieceOfBlock(block) !== piece) continue
      this.#own.giveUp(block)
      this.#resting = true
      this.#host.onDropped(peer, block)
    }
    this.#host.onDontHave(peer, piece)
  }

  #onExtensionHandshake(payload: Uint8Array): void {
    if (++this.#extendedHandshakes > MAX_EXTENDED_HANDSHAKES) return
    let handshake: ExtensionHandshake
    try {
      handshake = decodeExtensionHandshake(payload)
    } catch (error) {
      // Nothing in it is needed: a client with a fault there can still give and take (libtorrent ignores it too).
      if (error instanceof ProtocolError) return
      throw error
    }
    for (const [name, id] of handshake.messages) {
      if (id === 0) this.#extensionIds.delete(name)
      else if (this.#extensionIds.size < MAX_EXTENSIONS) this.#extensionIds.set(name, id)
    }
    const peer = this.#peer
    if (handshake.requestQueue !== undefined) this.#own.window.limit(handshake.requestQueue)
    peer.namedClient = handshake.client ?? peer.namedClient
    peer.listenPort = handshake.listenPort ?? peer.listenPort
    peer.saidUploadOnly = handshake.uploadOnly ?? peer.saidUploadOnly
    this.#host.onExtended(peer, handshake)
  }

  /** BEP 6: whoever uses it without both having offered it is to be cut off. */
  #fastOnly(message: string): void {
    if (!this.#peer.fast) throw new ProtocolError(`${message} without the fast extension`)
  }

  #stray(): void {
    if (!this.#own.stray()) throw new ProtocolError("it answers requests that were never made")
  }
}

function sameRequest(a: HashRequest, b: HashRequest): boolean {
  const same = a.base === b.base && a.index === b.index && a.length === b.length && a.proofLayers === b.proofLayers
  return same && a.root.every((byte, at) => byte === b.root[at])
}
