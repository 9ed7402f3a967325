import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { academictorrents, aria2, describeWith, libtorrent, nginx, rtorrent } from "../support/partners/index.js"
import { type Relay, startRelay } from "../support/relay.js"
import { type Sample, sampleOf } from "../support/samples.js"
import { differences } from "../support/trees.js"

const MiB = 1024 * 1024
/** Bytes a second of each source: nobody can be done before the slowest starter (aria2, 3 s) has had its turn. */
const RATE = MiB
const seeders = [libtorrent, aria2, rtorrent]

describeWith("three peers and nginx at once", [...seeders, nginx], () => {
  let folder: string
  let sample: Sample

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "interop-many-"))
    sample = await sampleOf(folder, "set", { "a.bin": 9 * MiB, "b/c.bin": 7 * MiB + 12_345, "d.txt": 77 }, 256 * 1024)
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  it("all give a part, and every byte is right", async () => {
    const { torrentPath, dataDir, path, length } = sample
    const outDir = await mkdtemp(join(folder, "ours-"))
    const closing: (() => Promise<void>)[] = []
    try {
      const relays: Relay[] = []
      for (const seeder of seeders) {
        const running = await seeder.seed({ torrentPath, dataDir })
        closing.push(() => running.stop())
        relays.push(await startRelay(running, { rate: RATE }))
      }
      const server = await nginx.start({ root: dataDir })
      closing.push(() => server.stop())
      const { hostname, port } = new URL(server.url)
      relays.push(await startRelay({ host: hostname, port: Number(port) }, { rate: RATE }))
      closing.push(...relays.map((relay) => () => relay.close()))

      const got = await academictorrents.download({
        ...{ torrentPath, outDir, maxSeconds: 50 },
        peers: relays.slice(0, seeders.length),
        urls: [`http://127.0.0.1:${relays.at(-1)!.port}/`],
      })

      expect(await differences(path, got)).toEqual([])
      const given = relays.map((relay) => relay.bytesGiven)
      for (const bytes of given) expect(bytes).toBeGreaterThan(length / 20)
      // What came twice at the end, or was on its way when it did, is little.
      expect(given.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(1.25 * length)
    } finally {
      for (const close of closing.reverse()) await close()
    }
  })
})
