import { cp, mkdir, readFile, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { readTorrent } from "../../../testbed/torrent.js"
import { academictorrents } from "../partners/index.js"
import { makeSample, type Sample, sampleOf } from "../samples.js"
import type { SampleName } from "./table.js"

export interface MatrixSample extends Sample {
  /** Its padding lies in files, too, for clients that know nothing of padding. */
  readonly padded?: true
}

const MiB = 1024 * 1024

/** All that the matrix transfers, in folders of their own below one. */
export async function makeSamples(folder: string): Promise<Record<SampleName, MatrixSample>> {
  const below = async (name: string): Promise<string> => {
    await mkdir(join(folder, name))
    return join(folder, name)
  }
  const v1 = await makeSample(await below("v1"), "awkward names in 16 KiB pieces")
  const created = async (version: "v2" | "hybrid"): Promise<Sample> => {
    const output = join(folder, `${version}.torrent`)
    return { ...v1, ...(await academictorrents.create(v1.path, output, [`--${version}`, "--piece-length", "16K"])) }
  }
  const hybrid = await created("hybrid")
  return {
    v1,
    "many names": await withLongMetadata(await below("many names")),
    "large pieces": await sampleOf(await below("large pieces"), "large.bin", 8 * MiB, 4 * MiB),
    v2: await created("v2"),
    hybrid: { ...hybrid, padded: true, dataDir: await padded(hybrid, await below("padded")) },
  }
}

/** Data whose metadata has three pieces of 16 KiB, and a bit. */
async function withLongMetadata(folder: string): Promise<Sample> {
  const names = Array.from({ length: 600 }, (_, i) => `measurements/a long name for the file with number ${i}.csv`)
  const files = { ...Object.fromEntries(names.map((name) => [name, 1000])), "a.bin": 1_000_000 }
  return sampleOf(folder, "set", files, 64 * 1024)
}

/** A copy of the data with its padding files beside it. */
async function padded({ torrentPath, path, name }: Sample, folder: string): Promise<string> {
  await cp(path, join(folder, name), { recursive: true })
  const { files } = readTorrent(await readFile(torrentPath))
  for (const file of files.filter(({ padding }) => padding)) {
    const target = join(folder, name, ...file.path)
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, Buffer.alloc(file.length))
  }
  return folder
}
