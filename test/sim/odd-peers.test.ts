import { describe, expect, it } from "vitest"
import { RecordingSink } from "../unit/wire/calls.js"
import { Puppet } from "./lib/puppet.js"
import { putDataset, type SimDataset, simDataset } from "./lib/sim-dataset.js"
import { startNode } from "./lib/sim-node.js"
import { createSimulation, type SimPlatform } from "./lib/simulation.js"

const KiB = 1024
const MiB = 1024 * KiB
const PIECE = 256 * KiB
/** Virtual ms. */
const SECOND = 1000
const LIMIT = 600 * SECOND

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

describe("a peer whose turn is over", () => {
  it("gets what it asked for of a piece that it was allowed (BEP 6), and a refusal for all else", async () => {
    const simulation = createSimulation({ seed: 1 })
    const dataset = simDataset({ "a.bin": 8 * MiB }, { pieceLength: PIECE })
    const platform = simulation.platform("10.0.0.1", { latency: 10 })
    putDataset(platform, dataset)
    const slow = { maxUpload: 16 * KiB }
    const node = await simulation.runUntil(
      startNode({ platform, dataset, fetch: false, seed: true, torrentLimits: slow }),
      LIMIT,
    )
    // Twice as many as there are slots for.
    const peers = Array.from({ length: 16 }, (_, n) => {
      const ears = new RecordingSink()
      const puppet = new Puppet(simulation.platform(`10.0.1.${n + 1}`, { latency: 10 }), dataset, ears)
      puppet.encoder.interested()
      puppet.connect("10.0.0.1")
      return { ears, puppet }
    })
    await simulation.run(SECOND)
    const { ears, puppet } = peers[0]!
    const heard = (name: string) => ears.calls.filter((call) => call[0] === name)
    expect(heard("unchoke")).toHaveLength(1)
    const allowed = heard("allowedFast").map(([, piece]) => piece as number)
    const others = Array.from({ length: 32 }, (_, piece) => piece).filter((piece) => !allowed.includes(piece))
    for (const piece of others) for (let n = 0; n < 16; n++) puppet.encoder.request(piece, n * 16 * KiB, 16 * KiB)
    for (let n = 0; n < 16; n++) puppet.encoder.request(allowed[0]!, n * 16 * KiB, 16 * KiB)
    puppet.say()
    await simulation.run(120 * SECOND)
    expect(heard("choke")).toHaveLength(1)
    expect(heard("piece").filter(([, piece]) => piece === allowed[0])).toHaveLength(16)
    expect(heard("reject").filter(([, piece]) => piece === allowed[0])).toEqual([])
    expect(heard("piece").length + heard("reject").length).toBe(16 * (others.length + 1))
    for (const { puppet } of peers) puppet.close()
    await simulation.runUntil(node.close(), LIMIT)
  })
})
