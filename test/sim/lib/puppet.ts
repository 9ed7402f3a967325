import type { ByteStream, StreamListener } from "../../../src/ports/net.js"
import { WireDecoder } from "../../../src/wire/decoder.js"
import { WireEncoder } from "../../../src/wire/encoder.js"
import { encodeHandshake, HANDSHAKE_LENGTH } from "../../../src/wire/handshake.js"
import type { WireSink } from "../../../src/wire/sink.js"
import type { SimDataset } from "./sim-dataset.js"
import type { SimPlatform } from "./simulation.js"

/** A client that says what a test wants; what it hears goes to a sink. Its handshake offers fast and extended messages. */
export class Puppet implements StreamListener {
  readonly encoder = new WireEncoder()
  readonly platform: SimPlatform
  readonly dataset: SimDataset
  open = false
  readonly #decoder: WireDecoder
  #stream: ByteStream | undefined
  #handshakeLeft = HANDSHAKE_LENGTH

  constructor(platform: SimPlatform, dataset: SimDataset, sink: WireSink) {
    this.platform = platform
    this.dataset = dataset
    this.#decoder = new WireDecoder(sink, dataset.metainfo.layout.pieceCount)
  }

  /** What is in the encoder by then goes out behind the handshake. */
  connect(host: string): void {
    this.#stream = this.platform.net.connect({ host, port: 6881 }, this)
  }

  onOpen(): void {
    this.open = true
    this.#stream?.write(encodeHandshake(this.dataset.metainfo.infoHash, this.platform.random.bytes(20)))
    this.say()
  }

  onData(chunk: Uint8Array): void {
    const head = Math.min(this.#handshakeLeft, chunk.length)
    this.#handshakeLeft -= head
    this.#decoder.push(chunk.subarray(head))
  }

  onDrain(): void {}

  onClose(): void {
    this.open = false
  }

  /** Sends what is in the encoder. */
  say(): void {
    const bytes = this.encoder.takeBytes()
    if (bytes !== undefined && this.open) this.#stream?.write(bytes)
  }

  close(): void {
    this.#stream?.destroy()
  }
}
