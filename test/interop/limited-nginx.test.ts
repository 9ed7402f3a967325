import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { academictorrents, describeWith, nginx } from "../support/partners/index.js"
import { type Sample, sampleOf } from "../support/samples.js"
import { differences } from "../support/trees.js"

/** Small files, each a request of its own. */
const FILES = 200

describeWith("nginx that limits requests and does not say when to come back", [nginx], () => {
  let folder: string
  let sample: Sample

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "interop-limited-"))
    const files = Object.fromEntries(Array.from({ length: FILES }, (_, n) => [`${n}.bin`, 5000 + n]))
    sample = await sampleOf(folder, "small", files, 64 * 1024)
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each([
    ["503, no burst", { rate: 20 }],
    ["429, bursts of 5", { rate: 20, burst: 5, status: 429 }],
  ] as const)("gives all files (%s), and few requests are too many once the pace is found", async (_, limit) => {
    const accessLog = join(folder, "access.log")
    const server = await nginx.start({ root: join(folder, "data"), limit, accessLog })
    const outDir = await mkdtemp(join(folder, "out-"))
    try {
      // Ten seconds are what the limit permits. With a pause of half a minute after each refusal it would be an hour.
      const job = { torrentPath: sample.torrentPath, outDir, maxSeconds: 60, urls: [server.url] }
      const got = await academictorrents.download(job)
      expect(await differences(sample.path, got)).toEqual([])
    } finally {
      await server.stop()
    }
    const requests = (await readFile(accessLog, "utf8")).trim().split("\n")
    await rm(accessLog)
    const start = Number(requests[0]!.split(" ")[0])
    const later = requests.map((line) => line.split(" ")).filter(([time]) => Number(time) - start > 1)
    const refused = later.filter(([, status]) => status === "503" || status === "429")
    expect(refused.length).toBeLessThan(later.length / 4)
  })
})
