import { ProtocolError } from "../errors.js"
import type { ByteStream, Endpoint, Net, StreamListener, UtpWish } from "../ports/net.js"
import type { MseAgreement } from "../wire/mse.js"
import { MseHandshake } from "../wire/mse-handshake.js"
import { type MseInitiatorOptions, mseInitiator } from "../wire/mse-initiator.js"
import { EncryptedStream } from "./encrypted-stream.js"

interface EncryptionOptions extends Pick<MseInitiatorOptions, "tools" | "skey" | "provide"> {
  readonly utp?: UtpWish | undefined
}

/**
 * As {@link Net.connect}, with message stream encryption. The first write goes out within its handshake; a handshake that
 * fails ends the stream with a ProtocolError.
 */
export function connectEncrypted(
  net: Net,
  remote: Endpoint,
  listener: StreamListener,
  options: EncryptionOptions,
): ByteStream {
  const encryption = new OutgoingEncryption(listener, options)
  return encryption.over(net.connect(remote, encryption, options.utp))
}

class OutgoingEncryption implements StreamListener {
  readonly #listener: StreamListener
  readonly #options: EncryptionOptions
  #below: ByteStream | undefined
  #stream: EncryptedStream | undefined
  /** Until there is an agreement. */
  #handshake: MseHandshake<MseAgreement> | undefined
  #fault: ProtocolError | undefined

  constructor(listener: StreamListener, options: EncryptionOptions) {
    this.#listener = listener
    this.#options = options
  }

  over(below: ByteStream): EncryptedStream {
    this.#below = below
    this.#stream = new EncryptedStream(below)
    return this.#stream
  }

  onOpen(): void {
    this.#handshake = new MseHandshake(
      mseInitiator({
        ...this.#options,
        send: (bytes) => this.#below?.write(bytes),
        initialPayload: () => this.#stream?.takeInitialPayload() ?? new Uint8Array(0),
      }),
    )
    this.#listener.onOpen()
  }

  onData(chunk: Uint8Array): void {
    if (this.#handshake === undefined) {
      this.#stream?.decrypt(chunk)
      this.#listener.onData(chunk)
    } else if (this.#fault === undefined) this.#shakeHands(this.#handshake, chunk)
  }

  onDrain(): void {
    this.#listener.onDrain()
  }

  onClose(error?: Error): void {
    this.#stream?.destroy()
    this.#listener.onClose(error ?? this.#fault)
  }

  #shakeHands(handshake: MseHandshake<MseAgreement>, chunk: Uint8Array): void {
    let agreement: MseAgreement | undefined
    try {
      agreement = handshake.push(chunk)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#fault = error
      this.#stream?.destroy()
    }
    if (agreement === undefined) return
    this.#handshake = undefined
    this.#stream?.agree(agreement)
    if (agreement.rest.length > 0) this.onData(agreement.rest)
  }
}
