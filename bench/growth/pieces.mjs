import { readFileSync } from "node:fs"
import { join } from "node:path"
import { writeTorrent } from "../lib/torrent.mjs"
import { cpu, peakMemory } from "./cpu.mjs"
import { digester, Engine, PIECE_LENGTH } from "./engine.mjs"

const TICKS = 200
const HAVES = 20_000

/** A torrent of `count` pieces: opened, fetched whole from a seed, and looked at half-way. */
export async function pieces({ dist, dir, count }) {
  const { parseTorrent } = await import(join(dist, "metainfo/torrent-file.js"))
  const { path } = writeTorrent(join(dir, "pieces.torrent"), {
    folder: false,
    name: "data",
    length: count * PIECE_LENGTH,
    pieceLength: PIECE_LENGTH,
    pieces: Buffer.alloc(count * 20, 7),
  })
  let engine
  const open = await cpu(async () => {
    const metainfo = parseTorrent(readFileSync(path), digester)
    // The other two: one that has every second piece, and one whose few pieces we soon have all.
    engine = await Engine.start(dist, metainfo, ["all", (piece) => piece % 2 === 0, (piece) => piece < 50])
  })
  const half = Math.floor(count / 2)
  const firstHalf = await cpu(() => engine.deliver(half))
  const tick = await cpu(async () => {
    for (let i = 0; i < TICKS; i++) engine.tick()
  })
  const haves = Math.min(HAVES, half)
  const have = await cpu(async () => {
    for (let i = 0; i < haves; i++) engine.peers[1].have(((i * 7919) % half) * 2 + 1)
  })
  const secondHalf = await cpu(() => engine.deliver())
  if (engine.stored !== count) throw new Error(`${engine.stored} of ${count} pieces were stored`)
  return {
    "open, µs a piece": open / count,
    "fetch and store, µs a piece": (firstHalf + secondHalf) / count,
    "HAVE, µs": have / haves,
    "tick, µs": tick / TICKS,
    "peak memory, MB": peakMemory() / 1e6,
  }
}
