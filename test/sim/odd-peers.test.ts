import { describe, expect, it } from "vitest"
import type { ByteStream, StreamListener } from "../../src/ports/net.js"
import { WireDecoder } from "../../src/wire/decoder.js"
import { WireEncoder } from "../../src/wire/encoder.js"
import { encodeHandshake, HANDSHAKE_LENGTH } from "../../src/wire/handshake.js"
import type { WireSink } from "../../src/wire/sink.js"
import { RecordingSink } from "../unit/wire/calls.js"
import { putDataset, type SimDataset, simDataset } from "./lib/sim-dataset.js"
import { startNode } from "./lib/sim-node.js"
import { createSimulation, type SimPlatform } from "./lib/simulation.js"

const KiB = 1024
const MiB = 1024 * KiB
const PIECE = 256 * KiB
const PORT = 6881
/** Virtual ms. */
const SECOND = 1000
const LIMIT = 600 * SECOND

/** A client that speaks for itself. */
class Puppet implements StreamListener {
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

  connect(host: string): void {
    this.#stream = this.platform.net.connect({ host, port: PORT }, this)
  }

  onOpen(): void {
    this.open = true
    this.#stream?.write(encodeHandshake(this.dataset.metainfo.infoHash, this.platform.random.bytes(20)))
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

  say(): void {
    const bytes = this.encoder.takeBytes()
    if (bytes !== undefined && this.open) this.#stream?.write(bytes)
  }

  close(): void {
    this.#stream?.destroy()
  }
}

/** Asks for anything that exists at any time, and takes it back; counts what came of it. */
class Asker extends RecordingSink {
  readonly puppet: Puppet
  readonly #pending = new Map<string, readonly [number, number, number]>()
  readonly #faults: string[] = []
  /** Bytes. */
  given = 0

  constructor(platform: SimPlatform, dataset: SimDataset) {
    super()
    this.puppet = new Puppet(platform, dataset, this)
  }

  /** Requests without an answer, and answers without a request. */
  get faults(): readonly string[] {
    return [...this.#faults, ...this.#pending.keys()]
  }

  override onRejectRequest(piece: number, begin: number, length: number): void {
    this.#answered("refused", piece, begin, length)
  }

  override endBlock(piece: number, begin: number, length: number): void {
    this.given += length
    const offset = piece * PIECE + begin
    const good = this.puppet.dataset.files.get("data/a.bin")!.subarray(offset, offset + length)
    if (Buffer.compare(good, this.writer.destination!) !== 0) this.#faults.push(`wrong bytes ${piece} ${begin}`)
    this.#answered("given", piece, begin, length)
  }

  act(): void {
    const { encoder, platform } = this.puppet
    const { random } = platform
    const dice = random.below(100)
    if (dice < 70) this.#request()
    else if (dice < 90) this.#cancel()
    else if (dice < 96) encoder.interested()
    else if (dice < 98) encoder.notInterested()
    else encoder.have(random.below(4))
    if (random.below(4) === 0) this.puppet.say()
  }

  #request(): void {
    const { dataset, encoder, platform } = this.puppet
    const { random } = platform
    const piece = random.below(dataset.metainfo.layout.pieceCount)
    const begin = random.below(16) * 16 * KiB
    const length = Math.min(
      [1, 1000, 16 * KiB, 16 * KiB, 16 * KiB, 40 * KiB, 128 * KiB][random.below(7)]!,
      PIECE - begin,
    )
    if (this.#pending.size >= 200 || [...this.#pending.values()].some(([p, b]) => p === piece && b === begin)) return
    this.#pending.set(`${piece} ${begin} ${length}`, [piece, begin, length])
    encoder.request(piece, begin, length)
  }

  #cancel(): void {
    const { encoder, platform } = this.puppet
    const pending = [...this.#pending.values()]
    const request = pending[platform.random.below(Math.max(1, pending.length))]
    if (request !== undefined) encoder.cancel(...request)
  }

  #answered(how: string, piece: number, begin: number, length: number): void {
    const request = `${piece} ${begin} ${length}`
    if (!this.#pending.delete(request)) this.#faults.push(`${how} unasked: ${request}`)
  }
}

describe("whoever asks a seed for anything, in any order", () => {
  it.each([1, 2])("gets one answer to each request (BEP 6), and the right bytes; seed %i", async (seed) => {
    const simulation = createSimulation({ seed })
    const dataset = simDataset({ "a.bin": 4 * MiB }, { pieceLength: PIECE })
    const platform = simulation.platform("10.0.0.1", { up: 2 * MiB, latency: 10 })
    putDataset(platform, dataset)
    const node = await simulation.runUntil(startNode({ platform, dataset, fetch: false, seed: true }), LIMIT)
    const askers = Array.from({ length: 14 }, (_, n) => {
      const asker = new Asker(simulation.platform(`10.0.1.${n + 1}`, { latency: 10 }), dataset)
      asker.puppet.connect("10.0.0.1")
      return asker
    })
    await simulation.run(SECOND)
    for (let passed = 0; passed < 30 * SECOND; passed += 20) {
      for (const asker of askers) asker.act()
      await simulation.run(20)
    }
    for (const { puppet } of askers) {
      puppet.encoder.interested()
      puppet.say()
    }
    await simulation.run(60 * SECOND)
    for (const asker of askers) {
      expect(asker.puppet.open).toBe(true)
      expect(asker.faults).toEqual([])
    }
    expect(node.torrent.givenBytes).toBe(askers.reduce((sum, { given }) => sum + given, 0))
    for (const { puppet } of askers) puppet.close()
    await simulation.runUntil(node.close(), LIMIT)
    expect(platform.clock.pendingTimers).toBe(0)
  })
})
