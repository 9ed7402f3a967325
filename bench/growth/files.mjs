import { mkdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { makeData } from "../lib/data.mjs"
import { writeTorrent } from "../lib/torrent.mjs"
import { cpu, peakMemory } from "./cpu.mjs"
import { digester } from "./engine.mjs"

const PIECE_LENGTH = 262_144

/** A dataset of `count` small files: read as a torrent, opened where nothing is, and got again where all is. */
export async function files({ dist, dir, count }) {
  const { get } = await import(join(dist, "index.js"))
  const { parseTorrent } = await import(join(dist, "metainfo/torrent-file.js"))
  const [full, empty] = ["full", "empty"].map((name) => join(dir, name))
  mkdirSync(empty)
  const data = makeData(full, { files: count, pieceLength: PIECE_LENGTH })
  const { path } = writeTorrent(join(dir, "files.torrent"), data)
  const parsing = await cpu(() => parseTorrent(readFileSync(path), digester))
  const opening = await cpu(() => openStore(dist, path, empty))
  const options = { datastore: full, offline: true, port: 0 }
  // Finds the data there, and hashes it.
  await get(path, options)
  const again = await cpu(() => get(path, options))
  for (const folder of [full, empty]) rmSync(folder, { recursive: true })
  return {
    "parse, µs a file": parsing / count,
    "open, nothing there, µs a file": opening / count,
    "get again, µs a file": again / count,
    "peak memory, MB": peakMemory() / 1e6,
  }
}

async function openStore(dist, path, datastore) {
  const [{ createPlatform }, { PieceStore }, { parseTorrent }] = await Promise.all(
    ["node/platform.js", "storage/piece-store.js", "metainfo/torrent-file.js"].map((file) => import(join(dist, file))),
  )
  const platform = createPlatform()
  const torrentBytes = readFileSync(path)
  const metainfo = parseTorrent(torrentBytes, digester)
  const store = await PieceStore.open({ platform, metainfo, torrentBytes, datastore, verify: "auto" })
  await store.close()
  await platform.close()
}
