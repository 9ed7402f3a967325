import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { academictorrents, describeWith, nginx } from "../support/partners/index.js"
import { makeSample, type Sample, SHAPES, type ShapeName, sampleOf } from "../support/samples.js"
import { differences, makeTorrent } from "../support/trees.js"

const shapes = Object.keys(SHAPES) as ShapeName[]

describeWith("nginx as our only source", [nginx], () => {
  let folder: string
  let server: Awaited<ReturnType<typeof nginx.start>>
  const samples = new Map<ShapeName, Sample>()

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "interop-nginx-"))
    for (const shape of shapes) samples.set(shape, await makeSample(folder, shape))
    server = await nginx.start({ root: join(folder, "data") })
  })

  afterAll(async () => {
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  async function get(sample: Sample, how: { torrentPath?: string; webSeeds?: boolean; urls?: string[] }) {
    const outDir = await mkdtemp(join(folder, "ours-"))
    const got = await academictorrents.download({
      ...{ torrentPath: sample.torrentPath, outDir, maxSeconds: 40 },
      ...how,
    })
    expect(got).toBe(join(outDir, sample.name))
    expect(await differences(sample.path, got)).toEqual([])
  }

  /** BEP 19: a file's own URL, or the parent of a folder. */
  function webSeedOf(shape: ShapeName): string {
    const { name, files } = SHAPES[shape]
    return typeof files === "number" ? `${server.url}${encodeURIComponent(name)}` : server.url
  }

  for (const shape of shapes) {
    it(`is enough for ${shape}, by --url`, () => get(samples.get(shape)!, { urls: [webSeedOf(shape)] }))
  }

  for (const shape of shapes) {
    it(`is enough for ${shape}, by the torrent's url-list`, async () => {
      const sample = samples.get(shape)!
      const { torrentPath } = await makeTorrent(sample.path, {
        pieceLength: sample.pieceLength,
        webSeeds: [webSeedOf(shape)],
        output: join(folder, `${sample.name}.seeded.torrent`),
      })
      await get(sample, { torrentPath, webSeeds: true })
    })
  }

  for (const name of ["a file [of] words.bin", "データ é.bin", "100%25 of 50%.bin", "a&b=c;d+e#f.bin"]) {
    it(`is enough for a single file named ${name}`, async () => {
      const sample = await sampleOf(folder, name, 70_001, 16 * 1024)
      await get(sample, { urls: [`${server.url}${encodeURIComponent(name)}`] })
      // The folder that it lies in.
      await get(sample, { urls: [server.url] })
      // As people write it; a percent sign or a # means something else in a URL.
      if (!/[%#]/.test(name)) await get(sample, { urls: [`${server.url}${name}`] })
    })
  }
})
