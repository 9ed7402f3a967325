import { createHash } from "node:crypto"
import { BencodeDictionary, decode, encode } from "../../src/metainfo/bencode.js"
import { compareTreePaths, createTorrent, padFiles } from "../../src/metainfo/create.js"
import { fileHashes } from "../../src/metainfo/file-hashes.js"
import { TorrentLayout } from "../../src/metainfo/layout.js"
import type { TorrentVersion } from "../../src/metainfo/metainfo.js"
import type { DraftFile } from "../../src/metainfo/torrent-draft.js"
import { naiveLowestRoot, naiveRoot } from "./naive-merkle.js"
import { sha256 } from "./torrents.js"

/** A dataset in memory, and its torrent. */
export interface Drafted {
  readonly torrent: Uint8Array
  readonly info: Uint8Array
  readonly layout: TorrentLayout
  /** The data of each of the layout's files; zeros for padding. */
  readonly data: readonly Uint8Array[]
}

/** Different for each file. */
export function bytesOf(path: string, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 7 + path.length * 13) & 0xff)
}

/** Makes the torrent of files (path → length), hashed word for word as BEP 3 and BEP 52 say. */
export function draftTorrent(
  files: Readonly<Record<string, number>>,
  options: {
    version: TorrentVersion
    pieceLength?: number
    kind?: "file" | "folder"
    name?: string
    private?: boolean
  },
): Drafted {
  const { version, pieceLength = 32768, kind = "folder", name = "dataset" } = options
  const sorted = Object.entries(files)
    .map(([path, length]): DraftFile => ({ path: path.split("/"), length }))
    .sort((a, b) => compareTreePaths(a.path, b.path))
  const drafts = version === "hybrid" ? padFiles(sorted, pieceLength) : sorted
  const layout = TorrentLayout.of(
    pieceLength,
    drafts.map(({ path, length, padding = false }) => ({ path: path.join("/"), length, padding })),
    version === "v2" ? "aligned" : "contiguous",
  )
  const data = layout.files.map(({ path, length, padding }) =>
    padding ? new Uint8Array(length) : bytesOf(path, length),
  )
  const nodes = Buffer.alloc(32 * layout.pieceCount)
  for (const [index, file] of layout.files.entries()) {
    if (file.padding || file.length === 0 || version === "v1") continue
    const { first, end } = layout.piecesOfFile(index)
    for (let piece = first; piece < end; piece++) {
      const at = (piece - first) * pieceLength
      const part = data[index]!.subarray(at, at + pieceLength)
      nodes.set(end - first === 1 ? naiveLowestRoot(part) : naiveRoot(part, layout.blocksPerPiece), 32 * piece)
    }
  }
  const whole = Buffer.concat(data)
  const sha1 = Array.from({ length: layout.pieceCount }, (_, piece) =>
    createHash("sha1")
      .update(whole.subarray(piece * pieceLength, (piece + 1) * pieceLength))
      .digest(),
  )
  const made = createTorrent({
    name,
    kind,
    files: drafts,
    pieceLength,
    ...(options.private !== undefined && { private: options.private }),
    pieceHashes: version === "v2" ? undefined : new Uint8Array(Buffer.concat(sha1)),
    fileHashes: version === "v1" ? undefined : fileHashes(layout, new Uint8Array(nodes), sha256),
  })
  return { ...made, layout, data }
}

/** A .torrent with only so many of its piece layers. */
export function withLayers(torrent: Uint8Array, count: number): Uint8Array {
  const whole = decode(torrent, { length: 1e7, depth: 40, tokens: 1e6 }) as BencodeDictionary
  const layers = whole.dictionary("piece layers")!
  const keys = layers.keys.slice(0, count)
  const kept = keys.map((key) => layers.get(key)!)
  return encode({
    ...Object.fromEntries(whole.keys.map((key) => [key, whole.get(key)!])),
    "piece layers": new BencodeDictionary(keys, kept),
  })
}
