import { sameBytes } from "../bytes/same-bytes.js"
import { ProtocolError } from "../errors.js"
import type { Clock } from "../ports/clock.js"
import type { ByteStream } from "../ports/net.js"
import { WireDecoder } from "../wire/decoder.js"
import { WireEncoder } from "../wire/encoder.js"
import {
  decodeHandshake,
  decodeHandshakeHead,
  encodeHandshake,
  HANDSHAKE_HEAD_LENGTH,
  HANDSHAKE_LENGTH,
  type Handshake,
  startsLikeHandshake,
} from "../wire/handshake.js"
import type { WireSink } from "../wire/sink.js"

/** ms (libtorrent: 15 s, rqbit: 10 s, rain and webtorrent: 5 s). */
const CONNECT_TIMEOUT = 10_000
/** ms (libtorrent and rain: 10 s). */
const HANDSHAKE_TIMEOUT = 10_000
/** A keep-alive goes out after so many ms without anything else (BEP 3: two minutes at most; Transmission: 100 s). */
const KEEP_ALIVE = 100_000
/**
 * The same while we wait for blocks and nothing comes, ms: a stream whose other side is gone ends only when something that was
 * sent on it stays unanswered, and libtorrent leaves one by uTP without a word.
 */
const PROBE = 10_000
/** Two minutes of BEP 3, and some for the way, ms. */
const SILENCE_TIMEOUT = 140_000
/** A peer that does not read what it makes us say is cut off when so many bytes wait. */
const MAX_BACKLOG = 16 << 20

/**
 * - `connecting`: the stream is not open yet
 * - `handshaking`: waiting for the other side's 68 bytes
 * - `open`: messages
 * - `closed`: nothing goes in or out
 */
export type ConnectionPhase = "connecting" | "handshaking" | "open" | "closed"

/**
 * A connection's bytes: handshake, messages in and out, keep-alives and time-outs. What messages mean is for others.
 * Messages go out together at the end of the turn, blocks from the memory they lie in.
 */
export class Connection {
  readonly encoder = new WireEncoder()
  readonly #clock: Clock
  readonly #pieceCount: number | undefined
  readonly #infoHash: Uint8Array
  readonly #infoHashV2: Uint8Array | undefined
  readonly #opensWith: Uint8Array
  readonly #peerId: Uint8Array
  readonly #dht: boolean
  readonly #onHandshake: (handshake: Handshake, v2: boolean) => void
  readonly #handshake = new Uint8Array(HANDSHAKE_LENGTH)
  #handshakeLength = 0
  /** The infohash in our handshake; empty until it has gone out. */
  #said: Uint8Array = new Uint8Array(0)
  #stream: ByteStream | undefined
  #decoder: WireDecoder | undefined
  #phase: ConnectionPhase = "connecting"
  #reached = false
  #phaseSince: number
  #lastReceived: number
  #lastSent: number
  #held = false
  #flushing = false

  constructor(options: {
    clock: Clock
    /** Undefined while the metadata is not there. */
    pieceCount: number | undefined
    /** 20 bytes; of a hybrid, of v1. */
    infoHash: Uint8Array
    /** The first 20 bytes of the torrent's v2 infohash, if it has one. */
    infoHashV2?: Uint8Array | undefined
    /** Which of them our handshake names when we open the stream. Default: `infoHash`. */
    opensWith?: Uint8Array | undefined
    peerId: Uint8Array
    /** Say that we take part in the DHT. */
    dht?: boolean
    /** The other side's handshake is in; called from `receive`. */
    onHandshake: (handshake: Handshake, v2: boolean) => void
  }) {
    this.#clock = options.clock
    this.#pieceCount = options.pieceCount
    this.#infoHash = options.infoHash
    this.#infoHashV2 = options.infoHashV2
    this.#opensWith = options.opensWith ?? options.infoHash
    this.#peerId = options.peerId
    this.#dht = options.dht ?? false
    this.#onHandshake = options.onHandshake
    this.#phaseSince = this.#lastReceived = this.#lastSent = options.clock.now()
  }

  get stream(): ByteStream | undefined {
    return this.#stream
  }

  get phase(): ConnectionPhase {
    return this.#phase
  }

  /** The stream was open at some time: somebody is there. */
  get reached(): boolean {
    return this.#reached
  }

  /** True when no part of a message has come without the rest. */
  get betweenMessages(): boolean {
    return this.#phase === "open" && this.#decoder?.betweenMessages === true
  }

  /** The other side's handshake as it came. To be asked for when it is in. */
  get theirHandshake(): Uint8Array {
    return this.#handshake
  }

  /** The infohash in our handshake; empty until it has gone out. */
  get ourInfoHash(): Uint8Array {
    return this.#said
  }

  /** Bytes not yet handed to the network. */
  get backlog(): number {
    return this.encoder.length + (this.#stream?.bufferedBytes ?? 0)
  }

  /** Reading is held up by us. */
  get held(): boolean {
    return this.#held
  }

  /** Messages go to `sink`. */
  attach(stream: ByteStream, sink: WireSink): void {
    this.#stream = stream
    this.#decoder = new WireDecoder(sink, this.#pieceCount)
  }

  /** To be called before something is answered. @throws ProtocolError when the other side reads none of the answers */
  checkBacklog(): void {
    const fault = this.#backlogFault()
    if (fault !== undefined) throw fault
  }

  /** The stream is open: sends our handshake, and waits for the other. */
  open(): void {
    this.#reached = true
    this.#enter("handshaking")
    this.#shakeHands(this.#opensWith)
  }

  /** The other side opened the stream: which infohash it is answered with depends on what it says (BEP 52). */
  accept(): void {
    this.#reached = true
    this.#enter("handshaking")
    if (this.#infoHashV2 === undefined) this.#shakeHands(this.#infoHash)
  }

  /** The stream is open, and our handshake went out before, with the infohash `said`: waits for the other. */
  openAdopted(said: Uint8Array): void {
    this.#reached = true
    this.#said = said
    this.#enter("handshaking")
  }

  /** Sends what is in the encoder, and leaves the stream to somebody else. */
  release(): void {
    this.#flush()
    this.#enter("closed")
  }

  /** Takes what came in. @throws ProtocolError */
  receive(chunk: Uint8Array): void {
    this.#lastReceived = this.#clock.now()
    if (this.#phase === "open") this.#decoder?.push(chunk)
    else if (this.#phase === "handshaking") this.#receiveHandshake(chunk)
  }

  /** What was put into the encoder is sent when the present turn ends. */
  send(): void {
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  /** Sends a piece message at once, behind all that was put into the encoder. `data` is the stream's until `onTaken`. */
  sendBlock(piece: number, begin: number, data: Uint8Array, onTaken: () => void): void {
    this.encoder.pieceHeader(piece, begin, data.length)
    this.#flush()
    this.#write(data, onTaken)
  }

  /** Stops reading, or goes on. Time-outs rest meanwhile. */
  hold(held: boolean): void {
    if (held === this.#held) return
    this.#held = held
    this.#lastReceived = this.#clock.now()
    if (held) this.#stream?.pause()
    else this.#stream?.resume()
  }

  /** Keeps the connection alive; `waits`: for blocks. @returns why it is not, if it is not */
  tick(now: number, waits = false): ProtocolError | undefined {
    switch (this.#phase) {
      case "connecting":
        return now - this.#phaseSince >= CONNECT_TIMEOUT ? new ProtocolError("connecting took too long") : undefined
      case "handshaking":
        return now - this.#phaseSince >= HANDSHAKE_TIMEOUT ? new ProtocolError("no handshake came") : undefined
      case "open":
        if (now - this.#lastSent >= (waits && now - this.#lastReceived >= PROBE ? PROBE : KEEP_ALIVE)) {
          this.encoder.keepAlive()
          this.#flush()
        }
        if (!this.#held && now - this.#lastReceived >= SILENCE_TIMEOUT) {
          return new ProtocolError("nothing came for more than two minutes")
        }
        // Not of answers alone: each choke and unchoke makes us ask for all anew.
        return this.#backlogFault()
      case "closed":
        return undefined
    }
  }

  close(): void {
    this.#enter("closed")
    this.#decoder?.stop()
    this.#stream?.destroy()
  }

  #receiveHandshake(chunk: Uint8Array): void {
    const taken = Math.min(HANDSHAKE_LENGTH - this.#handshakeLength, chunk.length)
    this.#handshake.set(chunk.subarray(0, taken), this.#handshakeLength)
    this.#handshakeLength += taken
    if (this.#said.length === 0 && this.#handshakeLength >= HANDSHAKE_HEAD_LENGTH) {
      const head = decodeHandshakeHead(this.#handshake)
      const v2 = this.#infoHashV2
      this.#shakeHands(v2 !== undefined && (head.v2 || this.#isV2(head.infoHash)) ? v2 : this.#infoHash)
    }
    if (this.#handshakeLength < HANDSHAKE_LENGTH) {
      // Who speaks another protocol may never send 68 bytes.
      if (startsLikeHandshake(this.#handshake.subarray(0, this.#handshakeLength))) return
      throw new ProtocolError("the handshake is not BitTorrent's")
    }
    const handshake = decodeHandshake(this.#handshake)
    if (!sameBytes(handshake.infoHash, this.#infoHash) && !this.#isV2(handshake.infoHash)) {
      throw new ProtocolError("the handshake is for another torrent")
    }
    this.#enter("open")
    this.#onHandshake(handshake, this.#isV2(handshake.infoHash) || this.#isV2(this.#said))
    if (taken < chunk.length) this.#decoder?.push(chunk.subarray(taken))
  }

  #shakeHands(infoHash: Uint8Array): void {
    this.#said = infoHash
    this.#write(encodeHandshake(infoHash, this.#peerId, { v2: this.#infoHashV2 !== undefined, dht: this.#dht }))
  }

  #isV2(infoHash: Uint8Array): boolean {
    return this.#infoHashV2 !== undefined && sameBytes(infoHash, this.#infoHashV2)
  }

  #enter(phase: ConnectionPhase): void {
    this.#phase = phase
    this.#phaseSince = this.#clock.now()
  }

  #backlogFault(): ProtocolError | undefined {
    return this.backlog > MAX_BACKLOG ? new ProtocolError("it does not read what it is sent") : undefined
  }

  #flush(): void {
    const bytes = this.encoder.takeBytes()
    if (bytes !== undefined) this.#write(bytes)
  }

  #write(bytes: Uint8Array, onTaken?: () => void): void {
    if (this.#phase === "closed" || this.#stream === undefined) {
      onTaken?.()
      return
    }
    this.#lastSent = this.#clock.now()
    this.#stream.write(bytes, onTaken)
  }
}
