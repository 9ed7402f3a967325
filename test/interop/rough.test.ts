import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, expect, it } from "vitest"
import { limitRate, losePackets, lossMissing, openNetnsPair } from "../support/netns.js"
import { type Address, academictorrents, describeWith, libtorrent, nginx } from "../support/partners/index.js"
import { type Relay, type RelayOptions, startRelay } from "../support/relay.js"
import { type Sample, sampleOf } from "../support/samples.js"
import { differences } from "../support/trees.js"

const MiB = 1024 * 1024
const LENGTH = 16 * MiB
/** Bytes a second. */
const RATE = 2 * MiB
/** ms of web seed at its rate, before something happens to it. */
const GOOD_START = 1500

// What is asserted is coarse: a busy machine costs seconds. test/sim/rough.test.ts has the exact times.
describeWith("rough networks", [libtorrent, nginx], () => {
  let folder: string
  let sample: Sample
  let seeder: Address
  let web: Address
  const forAll: (() => Promise<unknown>)[] = []
  const forEach: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "interop-rough-"))
    sample = await sampleOf(folder, "set", { "a.bin": LENGTH }, 512 * 1024)
    const running = await libtorrent.seed({ ...sample, maxSeconds: 300 })
    forAll.push(() => running.stop())
    seeder = running
    const server = await nginx.start({ root: sample.dataDir })
    forAll.push(() => server.stop())
    const { hostname, port } = new URL(server.url)
    web = { host: hostname, port: Number(port) }
  })

  afterEach(() => endAll(forEach))

  afterAll(async () => {
    await endAll(forAll)
    await rm(folder, { recursive: true, force: true })
  })

  async function relay(target: Address, options: RelayOptions): Promise<Relay> {
    const started = await startRelay(target, options)
    forEach.push(() => started.close())
    return started
  }

  /** Downloads and compares. @returns seconds */
  async function get(sources: { peers?: Address[]; web?: Address }, maxSeconds: number): Promise<number> {
    const outDir = await mkdtemp(join(folder, "out-"))
    const { torrentPath, path } = sample
    const urls = sources.web === undefined ? [] : [`http://${sources.web.host}:${sources.web.port}/`]
    const began = performance.now()
    const got = await academictorrents.download({ torrentPath, outDir, peers: sources.peers ?? [], urls, maxSeconds })
    const seconds = (performance.now() - began) / 1000
    expect(await differences(path, got)).toEqual([])
    return seconds
  }

  it("six slow peers do not keep a fast one from its rate, nor hold up the end", async () => {
    const slow = await Promise.all(
      Array.from({ length: 6 }, () => academictorrents.seed({ ...sample, options: ["--max-upload", "3K"] })),
    )
    forEach.push(...slow.map((each) => () => each.stop()))
    const fast = await relay(seeder, { rate: RATE })
    // The half MiB that each is asked for at first would take it three minutes.
    expect(await get({ peers: [...slow, fast] }, 40)).toBeLessThan((2 * LENGTH) / RATE)
  })

  it("a peer and a web seed together are faster than either could be", async () => {
    const sources = { peers: [await relay(seeder, { rate: RATE })], web: await relay(web, { rate: RATE }) }
    expect(await get(sources, 30)).toBeLessThan(LENGTH / RATE)
    for (const { bytesGiven } of [sources.web, ...sources.peers]) expect(bytesGiven).toBeGreaterThan(0.3 * LENGTH)
  })

  it("sources that are 50 ms and 200 ms away both give their part", async () => {
    const near = await relay(seeder, { rate: RATE, delay: 50 })
    const far = await relay(web, { rate: RATE, delay: 200 })
    await get({ peers: [near], web: far }, 30)
    for (const { bytesGiven } of [near, far]) expect(bytesGiven).toBeGreaterThan(0.3 * LENGTH)
  })

  it("a web seed that falls silent does not hold up its peer", async () => {
    const silent = await relay(web, { rate: RATE })
    const peer = await relay(seeder, { rate: RATE })
    setTimeout(() => silent.hold(), GOOD_START)
    // The first time-out of a silent server comes after 20 s.
    expect(await get({ peers: [peer], web: silent }, 30)).toBeLessThan(15)
    expect(silent.bytesGiven + peer.bytesGiven).toBeLessThan(1.25 * LENGTH)
  })

  it("a web seed that comes back is used again", async () => {
    const lame = await relay(web, { rate: RATE })
    const peer = await relay(seeder, { rate: RATE / 3 })
    let before = 0
    setTimeout(() => {
      lame.hold()
      before = lame.bytesGiven
    }, GOOD_START)
    setTimeout(() => lame.letGo(), GOOD_START + 3000)
    await get({ peers: [peer], web: lame }, 30)
    expect(before).toBeGreaterThan(0)
    expect(lame.bytesGiven - before).toBeGreaterThan(0.2 * LENGTH)
    expect(lame.bytesGiven + peer.bytesGiven).toBeLessThan(1.25 * LENGTH)
  })
})

describeWith("a network that loses packets", [libtorrent, nginx, { missing: lossMissing }], () => {
  it("gives at least half of its rate at a loss of 1 %", async () => {
    const folder = await mkdtemp(join(tmpdir(), "interop-loss-"))
    const closing: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
    try {
      const sample = await sampleOf(folder, "set", { "a.bin": 2 * LENGTH }, 512 * 1024)
      const [ours, theirs] = await openNetnsPair(["10.77.1.1", "10.77.1.2"])
      closing.push(
        () => ours.close(),
        () => theirs.close(),
      )
      await limitRate(theirs, 8 * MiB)
      const at = { host: "10.77.1.2", netns: theirs }
      const seeder = await libtorrent.seed({ ...sample, ...at })
      const server = await nginx.start({ root: sample.dataDir, ...at })
      closing.push(
        () => seeder.stop(),
        () => server.stop(),
      )
      const get = async (): Promise<number> => {
        const outDir = await mkdtemp(join(folder, "out-"))
        const began = performance.now()
        const job = { torrentPath: sample.torrentPath, outDir, peers: [seeder], urls: [server.url], maxSeconds: 60 }
        const got = await academictorrents.download({ ...job, host: "10.77.1.1", netns: ours })
        expect(await differences(sample.path, got)).toEqual([])
        return (performance.now() - began) / 1000
      }
      const none = await get()
      for (const netns of [ours, theirs]) await losePackets(netns, 0.01)
      // The goal is 0.8, which `bench/` measures; half is beyond the noise of a busy machine.
      expect(await get()).toBeLessThan(none / 0.5)
    } finally {
      await endAll(closing)
    }
  })
})

async function endAll(all: (() => Promise<unknown>)[]): Promise<void> {
  for (const end of all.splice(0).reverse()) await end()
}
