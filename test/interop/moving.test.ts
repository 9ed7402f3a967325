import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { limitRate, netnsMissing, openNetnsPair } from "../support/netns.js"
import { lastProgress } from "../support/partners/academictorrents.js"
import { academictorrents, describeWith, libtorrent, transmission } from "../support/partners/index.js"
import { type Sample, sampleOf } from "../support/samples.js"
import { differences } from "../support/trees.js"

const MiB = 1024 * 1024
const SEED = "10.77.0.1"
const OURS = "10.77.0.2"
const OURS_LATER = "10.77.0.3"
/** Who does not notice, or is not let in again, stands still for longer. */
const MAX_SECONDS = 60

// The seeds believe in the connection that was.
describeWith("our machine gets another address", [{ missing: netnsMissing }, transmission, libtorrent], () => {
  let folder: string
  let sample: Sample

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "interop-moving-"))
    sample = await sampleOf(folder, "set", { "a.bin": 8 * MiB }, 256 * 1024)
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each([transmission, libtorrent, academictorrents])("$name goes on giving", async (partner) => {
    const [left, right] = await openNetnsPair([SEED, OURS])
    try {
      await limitRate(left, 2 * MiB)
      const seed = await partner.seed({ ...sample, host: SEED, netns: left, maxSeconds: 2 * MAX_SECONDS })
      const outDir = await mkdtemp(join(folder, "out-"))
      const peers = [{ host: SEED, port: seed.port }]
      const job = { torrentPath: sample.torrentPath, outDir, peers, netns: right, maxSeconds: 2 * MAX_SECONDS }
      const { program, stop } = await academictorrents.get(job)
      try {
        const done = (): number => lastProgress(program)?.doneBytes ?? 0
        await expect.poll(done, { timeout: MAX_SECONDS * 1000 }).toBeGreaterThan(MiB)
        await right.run(`ip addr del ${OURS}/16 dev cable && ip addr add ${OURS_LATER}/16 dev cable`)
        await program.succeeded(MAX_SECONDS)
        expect(await differences(sample.path, join(outDir, "set"))).toEqual([])
      } finally {
        await Promise.all([stop(), seed.stop()])
      }
    } finally {
      await Promise.all([left.close(), right.close()])
    }
  })
})
