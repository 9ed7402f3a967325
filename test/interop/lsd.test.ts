import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type Netns, netnsMissing, openNetns, openNetnsPair } from "../support/netns.js"
import { academictorrents, describeWith } from "../support/partners/index.js"
import { type Sample, sampleOf } from "../support/samples.js"
import { differences } from "../support/trees.js"

// Nobody names a peer, no tracker is asked, and there is no DHT. With other clients: the matrix.
describeWith("local discovery alone", [{ missing: netnsMissing }], () => {
  let folder: string
  let sample: Sample

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "interop-lsd-"))
    sample = await sampleOf(folder, "set", { "a.bin": 1_000_000, "b.bin": 50_000 }, 64 * 1024)
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  /** A download in one network of what is given in another. */
  async function transfer(theirs: Netns, ours: Netns, magnet = false): Promise<void> {
    const { torrentPath, dataDir, path } = sample
    const giver = await academictorrents.seed({ torrentPath, dataDir, lsd: true, netns: theirs })
    try {
      const outDir = await mkdtemp(join(folder, "out-"))
      const job = { torrentPath, outDir, magnet, lsd: true, maxSeconds: 60, netns: ours }
      expect(await differences(path, await academictorrents.download(job))).toEqual([])
    } finally {
      await giver.stop()
    }
  }

  it("two on one machine find each other, which has no network but itself", async () => {
    const netns = await openNetns([])
    try {
      await transfer(netns, netns)
    } finally {
      await netns.close()
    }
  })

  it("two hosts without a route for multicast find each other, with a magnet link alone", async () => {
    const [theirs, ours] = await openNetnsPair(["10.77.0.1", "10.77.0.2"])
    try {
      await transfer(theirs, ours, true)
    } finally {
      await Promise.all([theirs.close(), ours.close()])
    }
  })

  it("two hosts that have IPv6 alone find each other", async () => {
    const [theirs, ours] = await openNetnsPair(["10.77.0.1", "10.77.0.2"])
    const ipv6Alone = (address: string): string =>
      `ip -4 addr flush dev cable && ip addr add ${address}/64 dev cable nodad`
    try {
      await Promise.all([theirs.run(ipv6Alone("fd77::1")), ours.run(ipv6Alone("fd77::2"))])
      await transfer(theirs, ours)
    } finally {
      await Promise.all([theirs.close(), ours.close()])
    }
  })

  it("a machine without any network is no error: nobody has it", async () => {
    const netns = await openNetns([])
    try {
      await netns.run("ip link set lo down")
      const outDir = await mkdtemp(join(folder, "out-"))
      const getter = await academictorrents.get({ torrentPath: sample.torrentPath, outDir, lsd: true, netns })
      expect(await getter.program.exited).toBe(4)
      expect(getter.program.output).toContain("there is no local network to ask")
      expect(getter.program.output).toMatch(/debug lsd/)
      expect(getter.program.output).not.toMatch(/(warn|error) lsd/)
      await getter.stop()
    } finally {
      await netns.close()
    }
  })
})
