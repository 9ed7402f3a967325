import { join } from "node:path"
import { makeTorrent, randomTree } from "./trees.js"

/** Data and its torrent. */
export interface Sample {
  readonly torrentPath: string
  readonly infoHash: string
  readonly name: string
  /** Bytes. */
  readonly length: number
  readonly pieceLength: number
  /** The folder that holds the data. */
  readonly dataDir: string
  /** The data itself. */
  readonly path: string
}

const MiB = 1024 * 1024

/** Shapes of data that implementations stumble over, by what is special about them. */
export const SHAPES = {
  "awkward names in 16 KiB pieces": {
    name: "set [16K] 100%41 é",
    pieceLength: 16 * 1024,
    files: {
      "a.bin": 1_000_003,
      "deep/er/and deeper/[x] b%20c#+.csv": 123_457,
      "deep/er/empty": 0,
      "empty.txt": 0,
      "große/データ.bin": 4 * 16 * 1024,
      "one byte": 1,
      "z.bin": 300_000,
    },
  },
  "4 MiB pieces, the last of one byte": {
    name: "large.bin",
    pieceLength: 4 * MiB,
    files: 8 * MiB + 1,
  },
  "a single byte": { name: "tiny", pieceLength: 16 * 1024, files: 1 },
} as const satisfies Record<
  string,
  { name: string; pieceLength: number; files: number | Readonly<Record<string, number>> }
>

export type ShapeName = keyof typeof SHAPES

/** Files that some partners leave out, and the complaints of `differences` about them. */
export const WITHOUT_EMPTY_FILES = ["only in the first: deep/er/empty", "only in the first: empty.txt"]

/** Writes data of that shape, and its torrent beside it. */
export async function makeSample(folder: string, shape: ShapeName, webSeeds: readonly string[] = []): Promise<Sample> {
  const { name, pieceLength, files } = SHAPES[shape]
  return sampleOf(folder, name, files, pieceLength, webSeeds)
}

/** The same for any data: a file of so many bytes, or a folder of files. */
export async function sampleOf(
  folder: string,
  name: string,
  files: number | Readonly<Record<string, number>>,
  pieceLength: number,
  webSeeds: readonly string[] = [],
): Promise<Sample> {
  const dataDir = join(folder, "data")
  const path = join(dataDir, name)
  await (typeof files === "number" ? randomTree(dataDir, { [name]: files }) : randomTree(path, files))
  const output = join(folder, `${name}.torrent`)
  const { torrentPath, infoHash, length } = await makeTorrent(path, { pieceLength, webSeeds, output })
  return { torrentPath, infoHash, name, length, pieceLength, dataDir, path }
}
