import type { Bitfield } from "../bytes/bitfield.js"
import { AtError, ProtocolError } from "../errors.js"
import type { HashRequest } from "../metainfo/hash-request.js"
import type { ByteStream, Endpoint, StreamListener } from "../ports/net.js"
import { DONT_HAVE_EXTENSION, encodeDontHave } from "../wire/dont-have.js"
import type { Handshake } from "../wire/handshake.js"
import { Connection } from "./connection.js"
import { EncryptedStream } from "./encrypted-stream.js"
import { Extensions } from "./extensions.js"
import { HashRequests } from "./hash-requests.js"
import { Inbox } from "./inbox.js"
import type { PeerSessionOptions } from "./peer-session-options.js"
import { PeerState } from "./peer-state.js"
import { Requester } from "./requester.js"
import { Uploader } from "./uploader.js"

/** Requests for hashes at a time (libtorrent: 2). */
const HASH_REQUESTS = 4

/**
 * One connection to a peer (BEP 3, 6, 10, 21, 54): what each side said, what each side waits for. It does no I/O and has no
 * timers: a stream, a clock and {@link tick} drive it, and a {@link PeerHost} decides.
 */
export class PeerSession extends PeerState implements StreamListener {
  /** What we ask of it. */
  readonly requester: Requester<PeerSession>
  /** What it asks of us. */
  readonly uploader: Uploader<PeerSession>
  readonly #options: PeerSessionOptions<PeerSession>
  readonly #connection: Connection
  readonly #extensions: Extensions<PeerSession>
  readonly #hashes: HashRequests<PeerSession>
  readonly #inbox: Inbox<PeerSession>

  constructor(options: PeerSessionOptions<PeerSession>) {
    super(options.direction)
    const { host, clock, layout } = options
    this.#options = options
    const connection = new Connection({
      ...options,
      pieceCount: layout.pieceCount,
      onHandshake: (handshake, v2) => this.#onHandshake(handshake, v2),
    })
    const link = { peer: this, host, clock, layout, connection }
    const requester = new Requester<PeerSession>(link)
    const uploader = new Uploader<PeerSession>(link)
    const extensions = new Extensions<PeerSession>(link, requester, options)
    const hashes = new HashRequests<PeerSession>({
      ...link,
      mostAsked: HASH_REQUESTS,
      onStray: () => requester.stray(),
    })
    this.#connection = connection
    this.requester = requester
    this.uploader = uploader
    this.#extensions = extensions
    this.#hashes = hashes
    this.#inbox = new Inbox<PeerSession>(link, { requester, uploader, extensions, hashes })
  }

  /** To be called once, before the stream's first event. For an accepted connection it answers the handshake. */
  attach(stream: ByteStream): void {
    this.#connection.attach(stream, this.#inbox)
    const { adopted } = this.#options
    if (adopted !== undefined) this.#connection.openAdopted(adopted)
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

  /** The connection runs over uTP. */
  get utp(): boolean {
    return this.#connection.stream?.utp === true
  }

  /** See {@link ByteStream.ownHost}. */
  get ownHost(): string | undefined {
    return this.#connection.stream?.ownHost
  }

  /** All that is said is encrypted. */
  get encrypted(): boolean {
    const { stream } = this.#connection
    return stream instanceof EncryptedStream && stream.encryptsAll
  }

  setInterested(interested: boolean): void {
    if (interested === this.amInterested || this.#connection.phase !== "open") return
    this.amInterested = interested
    if (interested) this.#connection.encoder.interested()
    else this.#connection.encoder.notInterested()
    this.#connection.send()
  }

  /**
   * Says first what we are (BEP 10) and have, and whether we want nothing (BEP 21; who has all wants nothing). Once, from
   * `onReady`.
   */
  announcePieces(have: Bitfield, uploadOnly: boolean = have.complete): void {
    if (this.#connection.phase !== "open") return
    this.#extensions.introduce(uploadOnly)
    const { encoder } = this.#connection
    // It was told that we have nothing: what is true now may only be added to that.
    if (this.#options.adopted !== undefined) for (const piece of have) encoder.have(piece)
    else if (this.fast && have.complete) encoder.haveAll()
    else if (this.fast && have.count === 0) encoder.haveNone()
    else if (have.count > 0) encoder.bitfield(have.bytes)
    // Nothing need be said (BEP 3), but rtorrent has no use for a connection until it has heard a message.
    else encoder.keepAlive()
    this.#connection.send()
  }

  /** Says whether we want nothing (BEP 21), when that is not as it was. */
  sayUploadOnly(uploadOnly: boolean): void {
    this.#extensions.sayUploadOnly(uploadOnly)
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

  /** Asks for hashes (BEP 52): `onHashes` tells what came of it, unless the connection ends. False: not of this peer. */
  askHashes(request: HashRequest): boolean {
    return this.#hashes.ask(request)
  }

  /** Answers a request for hashes; undefined refuses it. */
  sendHashes(request: HashRequest, hashes: Uint8Array | undefined): void {
    this.#hashes.send(request, hashes)
  }

  /** Whether the other side takes an extension. */
  takesExtension(name: string): boolean {
    return this.#extensions.takes(name)
  }

  /** Sends an extended message, if the other side takes that extension. @returns whether it does */
  sendExtension(name: string, payload: Uint8Array): boolean {
    return this.#extensions.send(name, payload)
  }

  /** Bytes not yet handed to the network. `onSendRoom` tells when they are gone, if it were many. */
  get sendBacklog(): number {
    return this.#connection.backlog
  }

  /** Stops reading, or goes on: back-pressure reaches the other side. Time-outs rest meanwhile. */
  holdReading(held: boolean): void {
    this.#connection.hold(held)
    this.requester.hold(held)
  }

  /** Time-outs, keep-alives, and requests given up. To be called every 250 ms. */
  tick(now: number): void {
    const fault = this.#connection.tick(now, this.requester.outstanding > 0)
    if (fault !== undefined) this.close(fault)
    if (this.#connection.phase !== "open" || this.#connection.held) return
    const late = this.requester.tick(now)
    if (late !== undefined) this.close(late)
  }

  /** Ends it at once. All requests are dropped and `onClosed` is called before it returns; only the first call counts. */
  close(reason?: Error): void {
    if (this.#connection.phase === "closed") return
    this.#connection.close()
    this.writer.detach()
    this.requester.dropAll()
    this.#options.host.onClosed(this, reason)
    this.writer.block = undefined
  }

  onOpen(): void {
    if (this.#connection.phase === "connecting") this.#connection.open()
  }

  onData(chunk: Uint8Array): void {
    // A block that goes on arriving is progress, however slow; one that was taken back is not.
    if (this.writer.block !== undefined) this.requester.progress()
    try {
      this.#connection.receive(chunk)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.close(error)
    }
    this.requester.offerRoom()
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
}
