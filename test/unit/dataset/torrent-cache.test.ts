import { beforeEach, describe, expect, it } from "vitest"
import { toHex } from "../../../src/bytes/hex.js"
import { TorrentCache } from "../../../src/dataset/torrent-cache.js"
import { createSimulation, type SimPlatform, type Simulation } from "../../sim/lib/simulation.js"

const HASH = new Uint8Array(20).fill(0xab)
const CACHED = `/cache/torrents/${toHex(HASH)}.torrent`
const BESIDE = `/data/.academictorrents/${toHex(HASH)}/dataset.torrent`
const DAY = 24 * 60 * 60 * 1000

let sim: Simulation
let platform: SimPlatform
let cache: TorrentCache

beforeEach(() => {
  sim = createSimulation({ seed: 1 })
  platform = sim.platform("10.0.0.1")
  cache = new TorrentCache({ platform, directory: "/cache", datastore: "/data" })
})

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

describe("kept .torrent files", () => {
  it("come back as they were put, and leave nothing else behind", async () => {
    await sim.runUntil(cache.put(HASH, bytes(1, 2, 3)))
    expect(await sim.runUntil(cache.get(HASH))).toEqual({ bytes: bytes(1, 2, 3), stale: false })
    expect(platform.disk.filePaths()).toEqual([CACHED])
    await sim.runUntil(cache.put(HASH, bytes(9)))
    expect(await sim.runUntil(cache.get(HASH))).toEqual({ bytes: bytes(9), stale: false })
  })

  it("are found beside the data, too", async () => {
    expect(await sim.runUntil(cache.get(HASH))).toBeUndefined()
    platform.disk.putFile(BESIDE, bytes(7))
    expect(await sim.runUntil(cache.get(HASH))).toEqual({ bytes: bytes(7), stale: false })
    platform.disk.putFile(CACHED, bytes(8))
    expect(await sim.runUntil(cache.get(HASH))).toMatchObject({ bytes: bytes(8) })
  })

  it("are those that were written last: a corrected one beside the data counts, until the service is asked again", async () => {
    await sim.runUntil(cache.put(HASH, bytes(1)))
    await sim.run(1000)
    platform.disk.putFile(BESIDE, bytes(2))
    expect(await sim.runUntil(cache.get(HASH))).toMatchObject({ bytes: bytes(2) })
    await sim.run(1000)
    await sim.runUntil(cache.put(HASH, bytes(3)))
    expect(await sim.runUntil(cache.get(HASH))).toMatchObject({ bytes: bytes(3) })
  })

  it("are looked for elsewhere when a power cut left nothing of one", async () => {
    platform.disk.putFile(CACHED, bytes())
    platform.disk.putFile(BESIDE, bytes(7))
    expect(await sim.runUntil(cache.get(HASH))).toMatchObject({ bytes: bytes(7) })
  })

  it("are stale after a day", async () => {
    await sim.runUntil(cache.put(HASH, bytes(1)))
    await sim.run(DAY - 1000)
    expect(await sim.runUntil(cache.get(HASH))).toMatchObject({ stale: false })
    await sim.run(2000)
    expect(await sim.runUntil(cache.get(HASH))).toMatchObject({ stale: true })
    await sim.runUntil(cache.put(HASH, bytes(1)))
    expect(await sim.runUntil(cache.get(HASH))).toMatchObject({ stale: false })
  })

  it("are stale when they come from the future: a clock was wrong", async () => {
    await sim.runUntil(cache.put(HASH, bytes(1)))
    const { clock } = platform
    const backwards = Object.create(clock, { wallTime: { value: () => clock.wallTime() - 2 * DAY } }) as typeof clock
    const before = new TorrentCache({
      platform: { ...platform, clock: backwards },
      directory: "/cache",
      datastore: "/data",
    })
    expect(await sim.runUntil(before.get(HASH))).toMatchObject({ stale: true })
  })

  it("are not read when they are longer than any .torrent may be", async () => {
    platform.disk.putFile(CACHED, bytes(1))
    const handle = await sim.runUntil(platform.disk.open(CACHED, "write"))
    await sim.runUntil(handle.truncate(2 ** 31))
    expect(await sim.runUntil(cache.get(HASH))).toBeUndefined()
  })

  it("are no reason to fail when they can't be written or read, and no half one is left", async () => {
    platform.disk.putDirectory("/cache/torrents")
    platform.disk.forbid("/cache", "read-only")
    await sim.runUntil(cache.put(HASH, bytes(1)))
    platform.disk.allow("/cache")
    for (const failing of ["write", "rename"] as const) {
      platform.disk.failAt(({ kind }) => kind === failing, "full")
      await sim.runUntil(cache.put(HASH, bytes(1)))
      expect(platform.disk.filePaths()).toEqual([])
    }
    expect(platform.log.lines).toHaveLength(3)
    platform.disk.putFile(CACHED, bytes(1))
    platform.disk.failAt(({ kind }) => kind === "read", "io")
    expect(await sim.runUntil(cache.get(HASH))).toBeUndefined()
  })

  it("are never half written for another process", async () => {
    await sim.runUntil(cache.put(HASH, bytes(1, 2, 3)))
    const putting = cache.put(HASH, bytes(4, 5, 6, 7))
    while (platform.disk.operations.at(-1)?.kind !== "write") await sim.run(0.1)
    expect(platform.disk.readFile(CACHED)).toEqual(bytes(1, 2, 3))
    await sim.runUntil(putting)
    expect(platform.disk.readFile(CACHED)).toEqual(bytes(4, 5, 6, 7))
  })
})
