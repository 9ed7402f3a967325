import type { Bitfield } from "../bytes/bitfield.js"
import { parseIp } from "../bytes/ip.js"
import { AtError, ProtocolError } from "../errors.js"
import type { HashRequest } from "../metainfo/hash-request.js"
import { BLOCK_LENGTH, type TorrentLayout } from "../metainfo/layout.js"
import type { Clock } from "../ports/clock.js"
import type { ByteStream, Endpoint, StreamListener } from "../ports/net.js"
import { DONT_HAVE_EXTENSION, encodeDontHave } from "../wire/dont-have.js"
import { EXTENSION_HANDSHAKE_ID, encodeExtensionHandshake } from "../wire/extension.js"
import type { Handshake } from "../wire/handshake.js"
import { Connection } from "./connection.js"
import { EncryptedStream } from "./encrypted-stream.js"
import { Inbox } from "./inbox.js"
import { OwnRequests } from "./own-requests.js"
import type { PeerHost } from "./peer-host.js"
import { PeerState } from "./peer-state.js"
import { ANNOUNCED_REQUEST_QUEUE, TheirRequests } from "./their-requests.js"

/** A block may take so long once it has begun, ms: 140 bytes a second. */
const BLOCK_TIMEOUT = 120_000

export interface PeerSessionOptions {
  readonly host: PeerHost<PeerSession>
  readonly clock: Clock
  readonly layout: TorrentLayout
  readonly infoHash: Uint8Array
  /** The first 20 bytes of the torrent's v2 infohash, if it has one (BEP 52). */
  readonly infoHashV2?: Uint8Array | undefined
  /** Ours. */
  readonly peerId: Uint8Array
  readonly direction: "outgoing" | "incoming"
  /** Our name and version, for the extended handshake. */
  readonly clientVersion: string
  readonly listenPort?: number
  /** Say that we take part in the DHT (BEP 5). */
  readonly dht?: boolean
  /** Our ids for extensions that the host takes part in, by name (BEP 10): 1 to 255. */
  readonly extensions?: ReadonlyMap<string, number>
  /** Bytes of the metadata that we give to who asks (BEP 9). */
  readonly metadataSize?: number
  /** What was read from an accepted connection before its torrent was known. */
  readonly received?: Uint8Array
  /** The connection was used to fetch the metadata: our handshake and "have none" were sent, `received` is what it said. */
  readonly adopted?: boolean
}

/**
 * One connection to a peer (BEP 3, 6, 10, 21, 54): what each side said, what each side waits for. It does no I/O and has no
 * timers: a stream, a clock and {@link tick} drive it, and a {@link PeerHost} decides.
 */
export class PeerSession extends PeerState implements StreamListener {
  readonly #options: PeerSessionOptions
  readonly #connection: Connection
  readonly #inbox: Inbox<PeerSession>
  readonly #own = new OwnRequests()
  readonly #theirs: TheirRequests

  constructor(options: PeerSessionOptions) {
    super(options.direction)
    const { host, clock, layout, infoHash, infoHashV2, peerId } = options
    this.#options = options
    this.#theirs = new TheirRequests(layout)
    this.#inbox = new Inbox<PeerSession>({
      peer: this,
      host,
      clock,
      layout,
      own: this.#own,
      theirs: this.#theirs,
      onPayload: (bytes, now) => this.downloadMeter.add(bytes, now),
    })
    this.#connection = new Connection({
      clock,
      sink: this.#inbox,
      pieceCount: layout.pieceCount,
      infoHash,
      infoHashV2,
      peerId,
      dht: options.dht ?? false,
      onHandshake: (handshake, v2) => this.#onHandshake(handshake, v2),
    })
  }

  /** To be called once, before the stream's first event. For an accepted connection it answers the handshake. */
  attach(stream: ByteStream): void {
    this.#connection.attach(stream)
    if (this.#options.adopted === true) this.#connection.openAdopted()
    else if (this.direction === "incoming") this.#connection.accept()
    if (this.#options.received !== undefined) this.onData(this.#options.received)
  }

  /** @throws AtError before {@link attach} */
  get remote(): Endpoint {
    const stream = this.#connection.stream
    if (stream === undefined)
      throw new AtError("AT_BUG", "a peer session has no stream yet", { hint: "report this bug" })
    return stream.remote
  }

  /** The connection stood at some time, whatever came of it. */
  get reached(): boolean {
    return this.#connection.reached
  }

  /** All that is said is encrypted. */
  get encrypted(): boolean {
    const { stream } = this.#connection
    return stream instanceof EncryptedStream && stream.encryptsAll
  }

  /** Blocks asked for and not answered. */
  get outstanding(): number {
    return this.#own.size
  }

  /**
   * How many more blocks may be asked for now: 0 while it chokes us, unless there are {@link allowedFast} pieces, which
   * are then the only ones to ask for; and 0 until the next tick after it rejected a request.
   */
  get room(): number {
    if (this.#connection.phase !== "open" || this.#inbox.resting) return 0
    if (this.peerChoking && this.allowedFast.size === 0) return 0
    return Math.max(0, this.#own.window.size - this.#own.size)
  }

  /** Its window of requests is as full as it is kept: more is asked only when it has answered some. */
  get windowFull(): boolean {
    return this.#own.size > 0 && !this.#own.window.isLow(this.#own.size)
  }

  isOutstanding(block: number): boolean {
    return this.#own.has(block)
  }

  /** It owes us blocks and has sent none for 20 to 60 s. It gets one request until it sends a block. */
  get snubbed(): boolean {
    return this.#own.window.snubbed
  }

  /** Asks for a block, unless that was done. It ends in `onBlockEnd` or `onDropped`. */
  request(block: number): void {
    if (this.#connection.phase !== "open") return
    if (!this.#own.add(block, this.#options.clock.now())) return
    const { layout } = this.#options
    const begin = layout.indexOfBlock(block) * BLOCK_LENGTH
    this.#connection.encoder.request(layout.pieceOfBlock(block), begin, layout.blockLength(block))
    this.#connection.send()
  }

  /** Takes a request back, with `onDropped`. A block that is arriving already is left to come. */
  cancel(block: number): void {
    if (this.writer.block === block || !this.#own.giveUp(block)) return
    const { layout } = this.#options
    const begin = layout.indexOfBlock(block) * BLOCK_LENGTH
    this.#connection.encoder.cancel(layout.pieceOfBlock(block), begin, layout.blockLength(block))
    this.#connection.send()
    this.#options.host.onDropped(this, block)
  }

  /** Bytes a second that it delivers when asked; 0 while it has shown nothing. */
  get rate(): number {
    return this.#own.window.rate
  }

  /** Milliseconds until it will have sent all that it was asked for, as far as can be told. */
  timeLeft(now: number): number {
    return this.#own.timeLeft(now)
  }

  /** Takes back up to `most` of the latest requests, those that `fits` accepts. @returns how many */
  cancelLast(most: number, fits: (block: number) => boolean): number {
    const before = this.#own.size
    for (const block of this.#own.blocks().reverse()) {
      if (before - this.#own.size >= most) break
      if (fits(block)) this.cancel(block)
    }
    return before - this.#own.size
  }

  setInterested(interested: boolean): void {
    if (interested === this.amInterested || this.#connection.phase !== "open") return
    this.amInterested = interested
    if (interested) this.#connection.encoder.interested()
    else this.#connection.encoder.notInterested()
    this.#connection.send()
  }

  /** Chokes the other side. What it waits for is refused, but for allowed fast pieces; the host may forget it. */
  choke(): void {
    if (this.amChoking || this.#connection.phase !== "open") return
    this.amChoking = true
    const { encoder } = this.#connection
    encoder.choke()
    // BEP 6: choke first, then reject. Without the extension a choke refuses all by itself.
    this.#theirs.drop(this.fast, (piece, begin, length) => {
      if (this.fast) encoder.rejectRequest(piece, begin, length)
    })
    this.#connection.send()
  }

  unchoke(): void {
    if (!this.amChoking || this.#connection.phase !== "open") return
    this.amChoking = false
    this.#connection.encoder.unchoke()
    this.#connection.send()
  }

  /** Lets the other side ask for a piece while we choke it (BEP 6); nothing without the fast extension. */
  allowFast(piece: number): void {
    if (!this.fast || this.#connection.phase !== "open" || !this.#theirs.allow(piece)) return
    this.#connection.encoder.allowedFast(piece)
    this.#connection.send()
  }

  /** Says first what we are (BEP 10) and have. Once, from `onReady`. */
  announcePieces(have: Bitfield): void {
    if (this.#connection.phase !== "open") return
    const { encoder } = this.#connection
    if (this.extended) encoder.extended(EXTENSION_HANDSHAKE_ID, this.#extensionHandshake(have.complete))
    // It was told that we have nothing: what is true now may only be added to that.
    if (this.#options.adopted === true) for (const piece of have) encoder.have(piece)
    else if (this.fast && have.complete) encoder.haveAll()
    else if (this.fast && have.count === 0) encoder.haveNone()
    else if (have.count > 0) encoder.bitfield(have.bytes)
    this.#connection.send()
  }

  /** Tells it of our DHT node, if it takes part (BEP 5). */
  sendPort(port: number): void {
    if (!this.dht || this.#connection.phase !== "open") return
    this.#connection.encoder.port(port)
    this.#connection.send()
  }

  sendHave(piece: number): void {
    if (this.#connection.phase !== "open") return
    this.#connection.encoder.have(piece)
    this.#connection.send()
  }

  /** We have a piece no more (BEP 54), if the other side takes that. */
  sendDontHave(piece: number): void {
    this.sendExtension(DONT_HAVE_EXTENSION, encodeDontHave(piece))
  }

  /**
   * Answers a request; sends nothing when it is not waiting any more (cancelled, choked). `data` must stay as it is until
   * `onTaken` is called.
   */
  sendBlock(piece: number, begin: number, data: Uint8Array, onTaken: () => void = nothing): void {
    if (this.#connection.phase !== "open" || !this.#theirs.delete(piece, begin, data.length)) {
      onTaken()
      return
    }
    this.#connection.sendBlock(piece, begin, data, onTaken)
    this.uploadMeter.add(data.length, this.#options.clock.now())
  }

  /** Refuses a request; does nothing when it is not waiting any more. Without the fast extension it is just forgotten. */
  reject(piece: number, begin: number, length: number): void {
    if (this.#connection.phase !== "open" || !this.#theirs.delete(piece, begin, length) || !this.fast) return
    this.#connection.encoder.rejectRequest(piece, begin, length)
    this.#connection.send()
  }

  /** Asks for hashes (BEP 52): `onHashes` tells what came of it, unless the connection ends. False: not of this peer. */
  askHashes(request: HashRequest): boolean {
    if (!this.v2 || this.#connection.phase !== "open" || !this.#inbox.expectHashes(request)) return false
    this.#connection.encoder.hashRequest(request)
    this.#connection.send()
    return true
  }

  /** Answers a request for hashes; undefined refuses it. */
  sendHashes(request: HashRequest, hashes: Uint8Array | undefined): void {
    if (this.#connection.phase !== "open") return
    if (hashes === undefined) this.#connection.encoder.hashReject(request)
    else this.#connection.encoder.hashes(request, hashes)
    this.#connection.send()
  }

  /** Whether the other side takes an extension. */
  takesExtension(name: string): boolean {
    return this.#inbox.extensionId(name) !== undefined
  }

  /** Sends an extended message, if the other side takes that extension. @returns whether it does */
  sendExtension(name: string, payload: Uint8Array): boolean {
    const id = this.#inbox.extensionId(name)
    if (id === undefined || this.#connection.phase !== "open") return false
    this.#connection.encoder.extended(id, payload)
    this.#connection.send()
    return true
  }

  /** Bytes not yet handed to the network. `onSendRoom` tells when they are gone, if it were many. */
  get sendBacklog(): number {
    return this.#connection.backlog
  }

  /** Stops reading, or goes on: back-pressure reaches the other side. Time-outs rest meanwhile. */
  holdReading(held: boolean): void {
    this.#connection.hold(held)
    this.#own.progress(this.#options.clock.now())
  }

  /** Time-outs, keep-alives, and requests given up. To be called every 250 ms. */
  tick(now: number): void {
    const fault = this.#connection.tick(now)
    if (fault !== undefined) this.close(fault)
    if (this.#connection.phase !== "open" || this.#connection.held) return
    if (now - (this.#inbox.blockBegan ?? now) >= BLOCK_TIMEOUT) {
      this.close(new ProtocolError("a block took more than two minutes"))
      return
    }
    this.#giveUpRequests(now)
    this.#inbox.rested()
    this.#offerRoom()
  }

  /** Ends it at once. All requests are dropped and `onClosed` is called before it returns; only the first call counts. */
  close(reason?: Error): void {
    if (this.#connection.phase === "closed") return
    this.#connection.close()
    const { host } = this.#options
    this.writer.detach()
    for (const block of this.#own.blocks()) if (this.#own.giveUp(block)) host.onDropped(this, block)
    host.onClosed(this, reason)
    this.writer.block = undefined
  }

  onOpen(): void {
    if (this.#connection.phase === "connecting") this.#connection.open()
  }

  onData(chunk: Uint8Array): void {
    // A block that goes on arriving is progress, however slow; one that was taken back is not.
    if (this.writer.block !== undefined) this.#own.progress(this.#options.clock.now())
    try {
      this.#connection.receive(chunk)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.close(error)
    }
    this.#offerRoom()
  }

  onDrain(): void {
    if (this.#connection.phase === "open") this.#options.host.onSendRoom?.(this)
  }

  onClose(error?: Error): void {
    this.close(error)
  }

  #onHandshake(handshake: Handshake, v2: boolean): void {
    this.v2 = v2
    this.peerId = handshake.peerId
    this.fast = handshake.fast
    this.dht = handshake.dht
    this.extended = handshake.extended
    this.#options.host.onReady(this)
  }

  #extensionHandshake(complete: boolean): Uint8Array {
    const { clientVersion, listenPort, extensions, metadataSize } = this.#options
    const yourAddress = parseIp(this.remote.host)
    return encodeExtensionHandshake({
      messages: extensions ?? new Map(),
      client: clientVersion,
      requestQueue: ANNOUNCED_REQUEST_QUEUE,
      uploadOnly: complete,
      ...(listenPort !== undefined && { listenPort }),
      ...(yourAddress !== undefined && { yourAddress }),
      ...(metadataSize !== undefined && { metadataSize }),
    })
  }

  #giveUpRequests(now: number): void {
    if (this.#own.isOverdue(now)) {
      // A choked peer that rejects nothing (some clients forget to) is not to blame for sending nothing.
      if (!this.peerChoking) this.#own.window.snub()
      for (const block of this.#own.blocks()) this.cancel(block)
      this.#inbox.roomDue = true
      return
    }
    for (let block = this.#own.lost(now); block !== undefined; block = this.#own.lost(now)) {
      if (block === this.writer.block) return
      this.cancel(block)
      this.#inbox.roomDue = true
    }
  }

  #offerRoom(): void {
    const { window } = this.#own
    if (!this.#inbox.roomDue || this.room === 0 || !window.isLow(this.#own.size)) return
    this.#inbox.roomDue = false
    this.#options.host.onRoom(this)
    if (this.room > 0) window.starved()
  }
}

function nothing(): void {}
