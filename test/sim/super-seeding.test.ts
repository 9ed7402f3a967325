import { describe, expect, it } from "vitest"
import { RecordingSink } from "../unit/wire/calls.js"
import { Puppet } from "./lib/puppet.js"
import { putDataset, simDataset, wrongFiles } from "./lib/sim-dataset.js"
import { type SimNode, startNode } from "./lib/sim-node.js"
import { createSimulation, type MachineOptions } from "./lib/simulation.js"

const KiB = 1024
const MiB = 1024 * KiB
/** Virtual ms. */
const LIMIT = 3_600_000
const SEEDER = "10.0.0.1"
const LENGTH = 16 * MiB
const PIECE = 128 * KiB
/** What the seeder gives, bytes a second: 8.4 s for one copy. */
const RATE = 2e6

interface Outcome {
  /** What the seeder had given when all were complete, times the dataset. */
  readonly copies: number
  /** Times as long as the seeder needs to give one copy, until all were complete. */
  readonly ratio: number
}

/** One seeder and downloaders on these links. `joins`: when each comes, ms. `meet`: they know of each other. */
async function share(options: {
  seed: number
  superSeed: boolean
  links: readonly MachineOptions[]
  joins?: (index: number) => number
  meet?: boolean
}): Promise<Outcome> {
  const { links, superSeed, joins = () => 0, meet = true } = options
  const simulation = createSimulation({ seed: options.seed })
  const dataset = simDataset({ "a.bin": LENGTH }, { pieceLength: PIECE })
  const platform = simulation.platform(SEEDER, { latency: 5 })
  putDataset(platform, dataset)
  const limits = { maxUpload: RATE }
  const seeder = await simulation.runUntil(
    startNode({ platform, dataset, fetch: false, seed: true, superSeed, limits, pex: meet }),
    LIMIT,
  )
  const addresses = links.map((_, index) => `10.0.1.${index + 1}`)
  const started = simulation.clock.now()
  const nodes: SimNode[] = []
  for (const [index, link] of links.entries()) {
    await simulation.run(Math.max(0, started + joins(index) - simulation.clock.now()))
    const others = meet ? addresses.filter((address) => address !== addresses[index]) : []
    const peers = [SEEDER, ...others].map((host) => ({ host, port: 6881 }))
    const own = simulation.platform(addresses[index]!, link)
    nodes.push(await simulation.runUntil(startNode({ platform: own, dataset, peers, seed: true, pex: meet }), LIMIT))
  }
  await simulation.runUntil(Promise.all(nodes.map((node) => node.torrent.whenComplete())), LIMIT)
  const ratio = (simulation.clock.now() - started) / ((LENGTH / RATE) * 1000)
  const copies = seeder.torrent.givenBytes / LENGTH
  await simulation.runUntil(Promise.all([seeder, ...nodes].map((node) => node.close())), LIMIT)
  for (const address of addresses) expect(wrongFiles(simulation.platform(address), dataset)).toEqual([])
  return { copies, ratio }
}

/** Links that give as much as the seeder does, more, and less. */
const links: MachineOptions[] = [1, 0.5, 2, 0.25, 1, 0.5].map((up, index) => ({
  latency: 10 + 5 * index,
  up: up * RATE,
  down: 8 * RATE,
}))

describe("the first seed", () => {
  it("gives less when it shows one piece at a time (BEP 16), and all are done as soon", async () => {
    const plain = await share({ seed: 1, superSeed: false, links })
    const shown = await share({ seed: 1, superSeed: true, links })
    expect(shown.copies).toBeLessThan(plain.copies)
    expect(shown.copies).toBeLessThan(1.3)
    expect(shown.ratio).toBeLessThan(plain.ratio * 1.3)
  })

  it("gives less too when the others come one after the other", async () => {
    const joins = (index: number): number => index * 3000
    const plain = await share({ seed: 2, superSeed: false, links, joins })
    const shown = await share({ seed: 2, superSeed: true, links, joins })
    expect(shown.copies).toBeLessThan(plain.copies)
    expect(shown.copies).toBeLessThan(1.4)
  })

  it("completes a single downloader nearly as fast", async () => {
    const { copies, ratio } = await share({ seed: 3, superSeed: true, links: links.slice(0, 1) })
    expect(copies).toBeLessThan(1.05)
    expect(ratio).toBeLessThan(3)
  })

  it("completes those who can't reach each other, too", async () => {
    const { copies, ratio } = await share({ seed: 4, superSeed: true, links: links.slice(0, 3), meet: false })
    expect(copies).toBeLessThan(3.05)
    expect(ratio).toBeLessThan(8)
  })
})

describe("a first seed that shows one piece at a time", () => {
  it("gives nobody what it has not shown", async () => {
    const simulation = createSimulation({ seed: 1 })
    const dataset = simDataset({ "a.bin": 8 * 32 * 1024 }, { pieceLength: 32 * 1024 })
    const platform = simulation.platform("10.0.0.1")
    putDataset(platform, dataset)
    const start = startNode({ platform, dataset, fetch: false, seed: true, superSeed: true })
    const node = await simulation.runUntil(start, LIMIT)
    const ears = new RecordingSink()
    const puppet = new Puppet(simulation.platform("10.0.0.2"), dataset, ears)
    puppet.encoder.haveNone()
    puppet.encoder.interested()
    puppet.connect("10.0.0.1")
    await simulation.run(5000)
    const heard = (name: string) => ears.calls.filter((call) => call[0] === name).map(([, piece]) => piece)
    const shown = heard("have")
    expect(shown).toHaveLength(1)
    for (let piece = 0; piece < 8; piece++) puppet.encoder.request(piece, 0, 16 * 1024)
    puppet.say()
    await simulation.run(5000)
    expect(heard("piece")).toEqual(shown)
    expect(heard("reject")).toHaveLength(7)
    puppet.close()
    await simulation.runUntil(node.close(), LIMIT)
  })
})
