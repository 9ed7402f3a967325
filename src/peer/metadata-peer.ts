import { ProtocolError } from "../errors.js"
import type { HashRequest } from "../metainfo/hash-request.js"
import type { Clock } from "../ports/clock.js"
import type { ByteStream, Endpoint, StreamListener } from "../ports/net.js"
import { EXTENSION_HANDSHAKE_ID } from "../wire/extension.js"
import type { Handshake } from "../wire/handshake.js"
import type { MetadataMessage } from "../wire/metadata-message.js"
import type { WireSink } from "../wire/sink.js"
import { Connection } from "./connection.js"
import { HashRequests } from "./hash-requests.js"
import { MetadataExtensions } from "./metadata-extensions.js"
import { Said } from "./said.js"

/** Requests for hashes that are waited for. */
const MAX_HASH_REQUESTS = 32
/** Answers to no request that are forgiven. */
const MAX_STRAYS = 64

/** What the owner of such a connection hears. It may call back, `close` included. */
export interface MetadataPeerHost {
  /** The handshake is done: closes it if it leads to the wrong place. */
  onReady(peer: MetadataPeer): void
  /** It has the metadata, of so many bytes by its own account. */
  onSize(peer: MetadataPeer, size: number): void
  /** A piece, or a refusal. The bytes are valid during the call. */
  onMessage(peer: MetadataPeer, message: MetadataMessage): void
  /** An answer to a request for hashes, the very object; undefined: it refuses. The bytes are valid during the call. */
  onHashes(peer: MetadataPeer, request: HashRequest, hashes: Uint8Array | undefined): void
  /** It takes this for our address (BEP 10). */
  onOurAddress(peer: MetadataPeer, address: Uint8Array): void
  /** Its DHT node answers at this port, it says (BEP 5). */
  onPort(peer: MetadataPeer, port: number): void
  /** It is over, exactly once, unless it was handed over; nothing follows. */
  onClosed(peer: MetadataPeer, reason: Error | undefined): void
}

export interface MetadataPeerOptions {
  readonly host: MetadataPeerHost
  readonly clock: Clock
  /** 20 bytes: of v1, or of a torrent that is known by its v2 infohash alone, the first of that. */
  readonly infoHash: Uint8Array
  /** The first 20 bytes of its v2 infohash, if that is known (BEP 52). */
  readonly infoHashV2?: Uint8Array | undefined
  /** Which of them our handshake names when we open the stream. Default: `infoHash`. */
  readonly opensWith?: Uint8Array | undefined
  /** Ours. */
  readonly peerId: Uint8Array
  readonly direction: "outgoing" | "incoming"
  readonly clientVersion: string
  /** We take part in the DHT. */
  readonly dht: boolean
  /** The TCP port at which those at `host` reach us; undefined when we do not listen. */
  readonly portFor?: (host: string) => number | undefined
  /** What was read from an accepted connection before its torrent was known. */
  readonly received?: Uint8Array | undefined
}

/**
 * Takes over an open connection; undefined when it is not wanted. `said` is all that the other side has said, from its
 * handshake on; `infoHash` the one in our handshake.
 */
export type TakeOver = (stream: ByteStream, said: Uint8Array, infoHash: Uint8Array) => StreamListener | undefined

/**
 * A connection to a peer of a torrent whose metadata we lack (BEP 9). It asks for pieces of the metadata, and for hashes
 * (BEP 52), remembers what else the other side says, and is handed over when it is known what that means. No I/O, no
 * timers.
 */
export class MetadataPeer implements StreamListener, WireSink {
  readonly writer = { destination: null }
  readonly direction: "outgoing" | "incoming"
  /** The other side's id; undefined until its handshake is in. */
  peerId: Uint8Array | undefined
  readonly #options: MetadataPeerOptions
  readonly #connection: Connection
  readonly #extensions: MetadataExtensions
  readonly #said = new Said()
  /** It speaks v2: it can be asked for hashes. */
  v2 = false
  readonly #hashes: HashRequests<MetadataPeer>
  #strays = 0
  #fast = false
  /** It has named its DHT node. */
  #hasNode = false
  /** Whoever has taken over. */
  #next: StreamListener | undefined

  constructor(options: MetadataPeerOptions) {
    this.#options = options
    this.direction = options.direction
    this.#connection = new Connection({
      clock: options.clock,
      pieceCount: undefined,
      infoHash: options.infoHash,
      infoHashV2: options.infoHashV2,
      opensWith: options.opensWith,
      peerId: options.peerId,
      dht: options.dht,
      onHandshake: (handshake, v2) => this.#onHandshake(handshake, v2),
    })
    this.#extensions = new MetadataExtensions(this.#connection, {
      onSize: (size) => options.host.onSize(this, size),
      onMessage: (message) => options.host.onMessage(this, message),
      onOurAddress: (address) => options.host.onOurAddress(this, address),
    })
    this.#hashes = new HashRequests<MetadataPeer>({
      peer: this,
      host: {
        // It is to be answered (BEP 52), and nothing is known here.
        onHashRequest: (_, request) => this.#hashes.send(request, undefined),
        onHashes: (_, request, hashes) => options.host.onHashes(this, request, hashes),
      },
      connection: this.#connection,
      mostAsked: MAX_HASH_REQUESTS,
      onStray: () => this.#stray(),
    })
  }

  /** To be called once, before the stream's first event. For an accepted connection it answers the handshake. */
  attach(stream: ByteStream): void {
    this.#connection.attach(stream, this)
    if (this.direction === "outgoing") return
    this.#connection.accept()
    if (this.#options.received !== undefined) this.onData(this.#options.received)
  }

  /** The stream was open at some time: somebody is there. */
  get reached(): boolean {
    return this.#connection.reached
  }

  /** Asks for a piece of the metadata. @returns whether that could be done */
  ask(piece: number): boolean {
    return this.#extensions.ask(piece)
  }

  /** Asks for hashes (BEP 52). @returns whether that could be done */
  askHashes(request: HashRequest): boolean {
    return this.#hashes.ask(request)
  }

  /** Where it is; undefined before {@link attach}. */
  get remote(): Endpoint | undefined {
    return this.#connection.stream?.remote
  }

  /** To be called every 250 ms. */
  tick(now: number): void {
    const fault = this.#connection.tick(now)
    if (fault !== undefined) this.close(fault)
  }

  /** Gives the connection to somebody else. One that can't be given (half a message is in, mostly) is closed. */
  handOver(take: TakeOver): void {
    const { stream, betweenMessages, theirHandshake, ourInfoHash } = this.#connection
    if (stream === undefined || !betweenMessages || !this.#said.complete) {
      this.close(new Error("it can't be used for more than metadata"))
      return
    }
    this.#connection.release()
    this.#next = take(stream, this.#said.replay(theirHandshake), ourInfoHash)
    if (this.#next === undefined) stream.destroy()
  }

  /** Ends it at once; only the first call counts. */
  close(reason?: Error): void {
    if (this.#connection.phase === "closed") return
    this.#connection.close()
    this.#options.host.onClosed(this, reason)
  }

  onOpen(): void {
    if (this.#connection.phase === "connecting") this.#connection.open()
  }

  onData(chunk: Uint8Array): void {
    if (this.#next !== undefined) {
      this.#next.onData(chunk)
      return
    }
    try {
      this.#connection.receive(chunk)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.close(error)
    }
  }

  onDrain(): void {
    this.#next?.onDrain()
  }

  onClose(error?: Error): void {
    if (this.#next === undefined) this.close(error)
    else this.#next.onClose(error)
  }

  onChoke(): void {
    this.#said.choking = true
  }

  onUnchoke(): void {
    this.#said.choking = false
  }

  onInterested(): void {
    this.#said.interested = true
  }

  onNotInterested(): void {
    this.#said.interested = false
  }

  onHave(piece: number): void {
    this.#said.have(piece)
  }

  onBitfield(bytes: Uint8Array): void {
    this.#said.pieces(bytes)
  }

  onHaveAll(): void {
    this.#said.pieces("all")
  }

  onHaveNone(): void {
    this.#said.pieces("none")
  }

  /** We have nothing, and choke everybody: with the fast extension it is to be told (BEP 6). */
  onRequest(piece: number, begin: number, length: number): void {
    if (!this.#fast) return
    this.#connection.encoder.rejectRequest(piece, begin, length)
    this.#connection.send()
    this.#connection.checkBacklog()
  }

  onAllowedFast(piece: number): void {
    this.#said.allowFast(piece)
  }

  /** It has one node: what it says of others counts for nothing. */
  onPort(port: number): void {
    if (port === 0 || this.#hasNode) return
    this.#hasNode = true
    this.#options.host.onPort(this, port)
  }

  // What these speak of does not exist yet.
  onCancel(): void {}
  onSuggestPiece(): void {}
  onRejectRequest(): void {}

  onHashMessage(id: number, payload: Uint8Array): void {
    this.#hashes.onMessage(id, payload)
  }

  beginBlock(): void {
    throw new ProtocolError("it answers requests that were never made")
  }

  endBlock(): void {}

  onExtended(id: number, payload: Uint8Array): void {
    if (id === EXTENSION_HANDSHAKE_ID) this.#said.extensionHandshake(payload)
    this.#extensions.onMessage(id, payload)
  }

  #onHandshake(handshake: Handshake, v2: boolean): void {
    const { clientVersion: client, portFor, host } = this.#options
    this.peerId = handshake.peerId
    this.v2 = v2
    this.#fast = handshake.fast
    if (!handshake.extended) throw new ProtocolError("it can't give metadata: it has no extension protocol")
    this.#extensions.introduce({ client, listenPort: this.remote && portFor?.(this.remote.host) })
    // BEP 6 wants one of three messages first; a bitfield can't be made yet.
    if (handshake.fast) this.#connection.encoder.haveNone()
    this.#connection.send()
    host.onReady(this)
  }

  #stray(): void {
    if (++this.#strays > MAX_STRAYS) throw new ProtocolError("it answers requests that were never made")
  }
}
