import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest"
import { losePackets, lossMissing, type Netns, openNetnsPair, refuseTcp } from "../support/netns.js"
import { academictorrents, describeWith, libtorrent, transmission } from "../support/partners/index.js"
import { type Sample, sampleOf } from "../support/samples.js"
import { differences } from "../support/trees.js"

const MiB = 1024 * 1024
const HOSTS = ["10.77.2.1", "10.77.2.2"] as const
/** libtorrent leaves a connection without a word when the same packet is lost a few times, which we see after half a minute. */
const maxSeconds = 150
/** Bytes. libtorrent sends a SYN once: where that or its answer is lost, it tries TCP, and never uTP again. */
const HANDSHAKE = 100
const limits = { timeout: 180_000 }

// Two hosts with a cable on which no TCP connection gets through: what arrives came by uTP.
for (const partner of [libtorrent, transmission]) {
  describeWith(`uTP with ${partner.name}`, [partner, { missing: lossMissing }], () => {
    let folder: string
    let sample: Sample
    let hosts: readonly [Netns, Netns]

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "interop-utp-"))
      sample = await sampleOf(folder, "set", { "a.bin": 8 * MiB, "b.bin": 100_001 }, 256 * 1024)
    })

    beforeEach(async () => {
      hosts = await openNetnsPair(HOSTS)
      await Promise.all(hosts.map(refuseTcp))
    })

    afterEach(() => Promise.all(hosts.map((host) => host.close())))
    afterAll(() => rm(folder, { recursive: true, force: true }))

    const ours = () => ({ host: HOSTS[0], netns: hosts[0] })
    const theirs = () => ({ host: HOSTS[1], netns: hosts[1], utp: true })

    it("we give to each other encrypted", { timeout: 2 * limits.timeout }, async () => {
      const { torrentPath, dataDir, path, name } = sample
      const encrypted = { encryption: "required" as const }
      const require = { ...ours(), options: ["--encryption", "require"] }
      const source = await partner.seed({ torrentPath, dataDir, ...theirs(), ...encrypted })
      try {
        const outDir = await mkdtemp(join(folder, "ours-"))
        const got = await academictorrents.download({ torrentPath, outDir, peers: [source], maxSeconds, ...require })
        expect(await differences(path, got)).toEqual([])
      } finally {
        await source.stop()
      }
      const giver = await academictorrents.seed({ torrentPath, dataDir, ...require })
      try {
        const outDir = await mkdtemp(join(folder, "theirs-"))
        const job = { torrentPath, outDir, peers: [giver], maxSeconds }
        await partner.download({ ...job, ...theirs(), ...encrypted })
        expect(await differences(path, join(outDir, name))).toEqual([])
      } finally {
        await giver.stop()
      }
    })

    const lose = async (loss: number): Promise<void> => {
      if (loss > 0) for (const host of hosts) await losePackets(host, loss, { unharmed: HANDSHAKE })
    }

    for (const loss of [0, 0.01]) {
      it(`we get from it at a loss of ${loss}`, limits, async () => {
        await lose(loss)
        const { torrentPath, dataDir, path } = sample
        const outDir = await mkdtemp(join(folder, "ours-"))
        const source = await partner.seed({ torrentPath, dataDir, ...theirs() })
        try {
          const got = await academictorrents.download({ torrentPath, outDir, peers: [source], maxSeconds, ...ours() })
          expect(await differences(path, got)).toEqual([])
        } finally {
          await source.stop()
        }
      })

      it(`it gets from us at a loss of ${loss}`, limits, async () => {
        await lose(loss)
        const { torrentPath, dataDir, path, name } = sample
        const outDir = await mkdtemp(join(folder, "theirs-"))
        const giver = await academictorrents.seed({ torrentPath, dataDir, ...ours() })
        try {
          await partner.download({ torrentPath, outDir, peers: [giver], maxSeconds, ...theirs() })
          expect(await differences(path, join(outDir, name))).toEqual([])
        } finally {
          await giver.stop()
        }
      })
    }
  })
}
