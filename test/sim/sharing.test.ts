import { describe, expect, it } from "vitest"
import { putDataset, simDataset, wrongFiles } from "./lib/sim-dataset.js"
import { type SimNode, startNode } from "./lib/sim-node.js"
import { createSimulation, type MachineOptions } from "./lib/simulation.js"

const KiB = 1024
const MiB = 1024 * KiB
/** Virtual ms. */
const LIMIT = 600_000
const SEEDER = "10.0.0.1"

/** What a seeder gives, bytes a second: it takes 10.7 s to give one copy. */
const RATE = 6.25e6
/** 512 pieces, as of 512 MiB in pieces of 1 MiB. */
const LENGTH = 64 * MiB
const PIECE = 128 * KiB

interface Outcome {
  /** Times as long as the seeder needs to give one copy; for each downloader. */
  readonly ratios: number[]
  /** What the seeder gave, times the dataset. */
  readonly copies: number
}

/** One seeder whose `RATE` is the bottleneck, and downloaders on these links who start together. */
async function share(
  seed: number,
  links: readonly MachineOptions[],
  seederLink: MachineOptions = {},
): Promise<Outcome> {
  const simulation = createSimulation({ seed })
  const dataset = simDataset({ "a.bin": LENGTH }, { pieceLength: PIECE })
  const limits = seederLink.up === undefined ? { maxUpload: RATE } : {}
  const platform = simulation.platform(SEEDER, { latency: 1, ...seederLink })
  putDataset(platform, dataset)
  const seeder = await simulation.runUntil(startNode({ platform, dataset, fetch: false, seed: true, limits }), LIMIT)
  const machines = links.map((link, index) => ({ address: `10.0.1.${index + 1}`, link }))
  const started = simulation.clock.now()
  const nodes: SimNode[] = []
  const times: number[] = []
  for (const [index, { address, link }] of machines.entries()) {
    const others = machines.filter((machine) => machine.address !== address).map((machine) => machine.address)
    const peers = [SEEDER, ...others].map((host) => ({ host, port: 6881 }))
    const own = simulation.platform(address, link)
    const node = await simulation.runUntil(startNode({ platform: own, dataset, peers, seed: true }), LIMIT)
    nodes.push(node)
    void node.torrent.whenComplete().then(() => {
      times[index] = simulation.clock.now() - started
    })
  }
  await simulation.runUntil(Promise.all(nodes.map((node) => node.torrent.whenComplete())), LIMIT)
  const copies = seeder.torrent.givenBytes / LENGTH
  await simulation.runUntil(Promise.all([seeder, ...nodes].map((node) => node.close())), LIMIT)
  for (const { address } of machines) expect(wrongFiles(simulation.platform(address), dataset)).toEqual([])
  return { ratios: times.map((time) => time / ((LENGTH / RATE) * 1000)), copies }
}

describe("four downloaders and a seeder that is slower than they", () => {
  const fast = { latency: 1, up: 4 * RATE, down: 8 * RATE }

  it("are done when it has given little more than one copy", async () => {
    const { ratios, copies } = await share(1, [fast, fast, fast, fast])
    expect(Math.max(...ratios)).toBeLessThan(1.1)
    expect(copies).toBeLessThan(1.15)
  })

  it("are done nearly as soon when its line is the limit and each answer takes 40 ms", async () => {
    const far = { ...fast, latency: 10 }
    const { ratios, copies } = await share(2, [far, far, far, far], { up: RATE, latency: 10 })
    expect(Math.max(...ratios)).toBeLessThan(1.2)
    expect(copies).toBeLessThan(1.2)
  })

  it("of whom one gives little do not wait for it", async () => {
    const slow = { latency: 20, up: RATE / 10, down: RATE }
    const { ratios, copies } = await share(3, [fast, slow, fast, fast])
    expect(Math.max(...ratios.filter((_, index) => index !== 1))).toBeLessThan(1.45)
    // The fast ones take over what the slow one would be long at, and ask the seeder for some of it a second time.
    expect(copies).toBeLessThan(1.55)
  })

  it("who can give no more than it each share all the same", async () => {
    const even = { latency: 5, up: RATE, down: 4 * RATE }
    const { ratios, copies } = await share(4, [even, even, even, even])
    expect(Math.max(...ratios)).toBeLessThan(1.3)
    expect(copies).toBeLessThan(1.3)
  })
})
