import { createHash } from "node:crypto"
import { createTorrent } from "../../../src/metainfo/create.js"
import type { Metainfo } from "../../../src/metainfo/metainfo.js"
import { parseTorrent } from "../../../src/metainfo/torrent-file.js"
import { digester } from "../../support/torrents.js"
import { randomBytes } from "../../support/trees.js"
import { draftTorrent } from "../../support/v2-torrents.js"
import type { SimPlatform } from "./simulation.js"

/** A made-up dataset: its files, and its metainfo. */
export interface SimDataset {
  readonly metainfo: Metainfo
  readonly torrentBytes: Uint8Array
  /** By path inside the datastore, like `data/a.csv`. */
  readonly files: ReadonlyMap<string, Uint8Array>
}

/** A folder, `data` unless named otherwise, with files of these lengths; the bytes follow from the paths. */
export function simDataset(
  lengths: Readonly<Record<string, number>>,
  options: { pieceLength: number; name?: string; trackers?: string[][]; webSeeds?: string[] },
): SimDataset {
  const { name = "data" } = options
  const files = new Map(
    Object.entries(lengths).map(([path, length]) => [path, new Uint8Array(randomBytes(length, path))]),
  )
  const all = Buffer.concat([...files.values()])
  const hashes: Buffer[] = []
  for (let at = 0; at < all.length; at += options.pieceLength) {
    hashes.push(
      createHash("sha1")
        .update(all.subarray(at, at + options.pieceLength))
        .digest(),
    )
  }
  const { torrent } = createTorrent({
    name,
    kind: "folder",
    files: [...files].map(([path, bytes]) => ({ path: path.split("/"), length: bytes.length })),
    pieceLength: options.pieceLength,
    pieceHashes: new Uint8Array(Buffer.concat(hashes)),
    trackers: options.trackers ?? [],
    webSeeds: options.webSeeds ?? [],
  })
  return {
    metainfo: parseTorrent(torrent, digester),
    torrentBytes: torrent,
    files: new Map([...files].map(([path, bytes]) => [`${name}/${path}`, bytes])),
  }
}

/** One with hash trees (BEP 52). */
export function treeDataset(
  files: Readonly<Record<string, number>>,
  options: { version: "v2" | "hybrid"; pieceLength?: number; private?: boolean },
): SimDataset {
  const { torrent, layout, data } = draftTorrent(files, { ...options, name: "data" })
  const named = layout.files.flatMap(({ path, padding }, i): [string, Uint8Array][] =>
    padding ? [] : [[`data/${path}`, data[i]!]],
  )
  return { metainfo: parseTorrent(torrent, digester), torrentBytes: torrent, files: new Map(named) }
}

/** Puts the whole dataset on a machine's disk. */
export function putDataset(platform: SimPlatform, dataset: SimDataset, datastore = "/store"): void {
  for (const [path, bytes] of dataset.files) platform.disk.putFile(`${datastore}/${path}`, bytes)
}

/** What is not on the disk as it should be: empty when all is. */
export function wrongFiles(platform: SimPlatform, dataset: SimDataset, datastore = "/store"): string[] {
  return [...dataset.files]
    .filter(([path, bytes]) => {
      const found = platform.disk.readFile(`${datastore}/${path}`)
      return found === undefined || Buffer.compare(found, bytes) !== 0
    })
    .map(([path]) => path)
}
