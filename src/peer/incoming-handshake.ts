import { concatBytes } from "../bytes/concat.js"
import { ProtocolError } from "../errors.js"
import type { Clock, Timer } from "../ports/clock.js"
import type { ByteStream, StreamListener } from "../ports/net.js"
import { DH_KEY_LENGTH } from "../wire/diffie-hellman.js"
import { decodeHandshakeHead, HANDSHAKE_HEAD_LENGTH, startsLikeHandshake } from "../wire/handshake.js"
import { MseHandshake } from "../wire/mse-handshake.js"
import { type IncomingAgreement, type MseHost, mseResponder } from "../wire/mse-responder.js"
import { EncryptedStream } from "./encrypted-stream.js"

/** ms until it must be known for which torrent it is (libtorrent and rain: 10 s). */
const TIMEOUT = 10_000

/** What is done with a connection that does not begin in plain. */
export interface IncomingEncryption extends MseHost {
  /** Whether one more key exchange may be made now, which takes a millisecond; it counts then. */
  mayExchange(): boolean
}

export interface IncomingHandshakeOptions {
  readonly stream: ByteStream
  readonly clock: Clock
  /** A handshake in plain will do. */
  readonly plain: boolean
  /** Undefined: only plain will do. */
  readonly encryption: IncomingEncryption | undefined
  /**
   * The infohash is known: finds who takes the connection over, writes to `stream` and hears it from here on. `received`
   * (a copy) is what has come so far, which the new listener does not hear again. Undefined: nobody, and it is closed.
   */
  readonly onInfoHash: (infoHash: Uint8Array, stream: ByteStream, received: Uint8Array) => StreamListener | undefined
  /** It ended before the infohash was known. */
  readonly onClosed: () => void
}

/**
 * An accepted connection until it is known for which torrent it is, within 10 s; then passes everything on. It is the
 * stream's listener from beginning to end.
 *
 * The first bytes tell how it begins: "BitTorrent protocol", or a public key, which looks like nothing. A handshake in
 * plain is gathered up to its infohash, an encrypted one is held up to the same.
 */
export class IncomingHandshake implements StreamListener {
  readonly #options: IncomingHandshakeOptions
  readonly #timer: Timer
  #received = new Uint8Array(0)
  #encrypted: MseHandshake<IncomingAgreement> | undefined
  #done = false
  #next: StreamListener | undefined
  #stream: EncryptedStream | undefined

  constructor(options: IncomingHandshakeOptions) {
    this.#options = options
    this.#timer = options.clock.after(TIMEOUT, () => this.close())
  }

  /** Ends the connection if nobody has taken it over. */
  close(): void {
    if (this.#done) return
    this.#options.stream.destroy()
    this.#finish()
    this.#options.onClosed()
  }

  onOpen(): void {}

  onData(chunk: Uint8Array): void {
    if (this.#next !== undefined) {
      this.#stream?.decrypt(chunk)
      this.#next.onData(chunk)
    } else if (this.#encrypted !== undefined) this.#shakeHands(this.#encrypted, chunk)
    else if (!this.#done) this.#gather(chunk)
  }

  onDrain(): void {
    this.#next?.onDrain()
  }

  onClose(error?: Error): void {
    if (this.#next === undefined) this.close()
    else this.#next.onClose(error)
  }

  #gather(chunk: Uint8Array): void {
    const { plain, encryption, stream } = this.#options
    this.#received = concatBytes(this.#received, chunk)
    const received = this.#received
    if (startsLikeHandshake(received)) {
      if (!plain) this.close()
      else if (received.length >= HANDSHAKE_HEAD_LENGTH) {
        this.#handOver(decodeHandshakeHead(received).infoHash, stream, received)
      }
    } else if (encryption === undefined) this.close()
    else if (received.length >= DH_KEY_LENGTH) {
      if (!encryption.mayExchange()) {
        this.close()
        return
      }
      this.#encrypted = new MseHandshake(mseResponder(encryption, (bytes) => void stream.write(bytes)))
      this.#shakeHands(this.#encrypted, received)
    }
  }

  #shakeHands(handshake: MseHandshake<IncomingAgreement>, chunk: Uint8Array): void {
    let agreement: IncomingAgreement | undefined
    try {
      agreement = handshake.push(chunk)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.close()
    }
    if (agreement === undefined) return
    this.#stream = new EncryptedStream(this.#options.stream, agreement)
    this.#handOver(agreement.skey, this.#stream, new Uint8Array(0))
    if (agreement.rest.length > 0) this.onData(agreement.rest)
  }

  #handOver(infoHash: Uint8Array, stream: ByteStream, received: Uint8Array): void {
    this.#finish()
    this.#next = this.#options.onInfoHash(infoHash, stream, received)
    if (this.#next === undefined) this.#options.stream.destroy()
  }

  #finish(): void {
    this.#done = true
    this.#received = new Uint8Array(0)
    this.#encrypted = undefined
    this.#timer.cancel()
  }
}
