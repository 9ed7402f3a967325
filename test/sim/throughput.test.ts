import { describe, expect, it } from "vitest"
import { BLOCK_LENGTH } from "../../src/metainfo/layout.js"
import { WireEncoder } from "../../src/wire/encoder.js"
import { encodeHandshake } from "../../src/wire/handshake.js"
import { serveFiles } from "./lib/serve-files.js"
import { putDataset, type SimDataset, simDataset } from "./lib/sim-dataset.js"
import { type SimNode, startNode } from "./lib/sim-node.js"
import { createSimulation, type Simulation } from "./lib/simulation.js"

const KiB = 1024
const MiB = 1024 * KiB
const PIECE = 64 * KiB
/** 200 Mbit/s in bytes a second. */
const FAST = 25_000_000
/** Virtual ms. */
const SECOND = 1000
const LIMIT = 600_000

const QUIET = { onOpen() {}, onData() {}, onDrain() {}, onClose() {} }
const SOURCE = "10.0.0.1"
const SINK = "10.0.0.2"

/** Lets whole seconds pass. @returns what `total` grew by in each of them */
async function eachSecond(simulation: Simulation, seconds: number, total: () => number): Promise<number[]> {
  const growth: number[] = []
  for (let second = 0; second < seconds; second++) {
    const before = total()
    await simulation.run(SECOND)
    growth.push(total() - before)
  }
  return growth
}

/** Gives the machine that stands at SOURCE a dataset to seed. */
async function startSeeder(simulation: Simulation, dataset: SimDataset): Promise<SimNode> {
  const platform = simulation.platform(SOURCE)
  putDataset(platform, dataset)
  return simulation.runUntil(startNode({ platform, dataset, fetch: false, seed: true }), LIMIT)
}

/** A seeder and one who downloads from it, on the machines that stand there. @returns bytes fetched each second */
async function fetchRates(simulation: Simulation, length: number, seconds: number): Promise<number[]> {
  const dataset = simDataset({ "a.bin": length }, { pieceLength: PIECE })
  const seeder = await startSeeder(simulation, dataset)
  const peers = [{ host: SOURCE, port: 6881 }]
  const node = await simulation.runUntil(startNode({ platform: simulation.platform(SINK), dataset, peers }), LIMIT)
  const rates = await eachSecond(simulation, seconds, () => node.torrent.fetchedBytes)
  expect(node.torrent.snapshot().state).toBe("downloading")
  await simulation.runUntil(Promise.all([node.close(), seeder.close()]), LIMIT)
  return rates
}

describe("a busy link", () => {
  it("carries its rate in every second of a minute while its sender has more to give", async () => {
    const simulation = createSimulation({ seed: 1 })
    const sender = simulation.platform(SOURCE, { up: 2 * MiB, latency: 10 })
    const receiver = simulation.platform(SINK, { down: 8 * MiB, latency: 5 })
    let received = 0
    const listening = receiver.net.listen({ port: 7000 }, () => ({
      ...QUIET,
      onData: (chunk) => {
        received += chunk.length
      },
    }))
    await simulation.runUntil(listening)
    const fill = (): void => {
      while (stream.bufferedBytes < 512 * KiB) stream.write(new Uint8Array(16 * KiB))
    }
    const stream = sender.net.connect({ host: SINK, port: 7000 }, { ...QUIET, onOpen: fill, onDrain: fill })
    await simulation.run(SECOND)
    const rates = await eachSecond(simulation, 60, () => received)
    expect(Math.min(...rates)).toBeGreaterThan(0.95 * 2 * MiB)
    const sum = rates.reduce((bytes, rate) => bytes + rate, 0)
    expect(sum).toBeLessThanOrEqual(60 * 2 * MiB)
  })

  it("is kept full by one seeder and one downloader from the first seconds to the last", async () => {
    const simulation = createSimulation({ seed: 2 })
    simulation.machine(SOURCE, { up: 2 * MiB, latency: 10 })
    simulation.machine(SINK, { up: 4 * MiB, down: 8 * MiB, latency: 5 })
    const rates = await fetchRates(simulation, 32 * MiB, 15)
    expect(Math.min(...rates.slice(1))).toBeGreaterThan(0.95 * 2 * MiB)
  })

  it("of 200 Mbit/s is full within a second although an answer takes 80 ms", async () => {
    // What Linux lets a connection grow to by itself (tcp_wmem: 4 MiB); 2 MB are under way.
    const simulation = createSimulation({ seed: 3, tcp: { window: 4 * MiB } })
    simulation.machine(SOURCE, { up: FAST, latency: 20 })
    simulation.machine(SINK, { up: FAST, down: FAST, latency: 20 })
    const rates = await fetchRates(simulation, 96 * MiB, 4)
    expect(Math.min(...rates.slice(1))).toBeGreaterThan(0.93 * FAST)
  })

  it("of 200 Mbit/s is kept full by a web seed although an answer takes 80 ms and one run follows another", async () => {
    const simulation = createSimulation({ seed: 6, tcp: { window: 4 * MiB } })
    const dataset = simDataset({ "a.bin": 128 * MiB }, { pieceLength: MiB, webSeeds: [`http://${SOURCE}/`] })
    simulation.machine(SOURCE, { up: FAST, latency: 20 })
    const files = new Map([...dataset.files].map(([path, bytes]) => [`/${path}`, bytes]))
    simulation.web.serve(`http://${SOURCE}`, serveFiles(files))
    const platform = simulation.platform(SINK, { up: FAST, down: FAST, latency: 20 })
    const node = await simulation.runUntil(startNode({ platform, dataset }), LIMIT)
    await simulation.run(SECOND)
    const rates = await eachSecond(simulation, 4, () => node.torrent.fetchedBytes)
    expect(Math.min(...rates)).toBeGreaterThan(0.98 * FAST)
    await simulation.runUntil(node.close(), LIMIT)
  })

  it("of 200 Mbit/s is full although the seeder's disk takes 10 ms for each read", async () => {
    const simulation = createSimulation({ seed: 5, tcp: { window: 4 * MiB } })
    simulation.machine(SOURCE, { up: FAST, latency: 1, disk: { delay: 10 } })
    simulation.machine(SINK, { down: 2 * FAST, latency: 1 })
    const rates = await fetchRates(simulation, 96 * MiB, 3)
    for (const rate of rates.slice(1)) expect(rate).toBeGreaterThan(0.93 * FAST)
  })

  it("of 200 Mbit/s stays full for a peer who asks for 500 blocks at once and then only takes", async () => {
    const simulation = createSimulation({ seed: 4 })
    simulation.machine(SOURCE, { up: FAST, latency: 1 })
    simulation.machine(SINK, { up: FAST, down: FAST, latency: 1 })
    const dataset = simDataset({ "a.bin": 500 * BLOCK_LENGTH }, { pieceLength: PIECE })
    const seeder = await startSeeder(simulation, dataset)
    let received = 0
    const onData = (chunk: Uint8Array): void => {
      received += chunk.length
    }
    const encoder = new WireEncoder()
    const send = (): boolean => stream.write(encoder.takeBytes() ?? new Uint8Array(0))
    const stream = simulation.platform(SINK).net.connect({ host: SOURCE, port: 6881 }, { ...QUIET, onData })
    stream.write(encodeHandshake(dataset.metainfo.infoHash, new Uint8Array(20).fill(1)))
    encoder.haveNone()
    encoder.interested()
    send()
    // It is unchoked meanwhile.
    await simulation.run(SECOND)
    for (let piece = 0; piece < dataset.metainfo.layout.pieceCount; piece++) {
      for (let begin = 0; begin < PIECE; begin += BLOCK_LENGTH) encoder.request(piece, begin, BLOCK_LENGTH)
    }
    send()
    const asked = simulation.clock.now()
    await simulation.runUntil(() => received >= 500 * BLOCK_LENGTH, LIMIT)
    const roundTrip = 4
    const least = roundTrip + (500 * BLOCK_LENGTH * SECOND) / FAST
    expect(simulation.clock.now() - asked).toBeLessThan(least / 0.93)
    stream.destroy()
    await simulation.runUntil(seeder.close(), LIMIT)
  })
})
