import { readFileSync } from "node:fs"
import { join } from "node:path"
import { writeTorrent } from "../lib/torrent.mjs"
import { cpu, peakMemory } from "./cpu.mjs"
import { digester, Engine, PIECE_LENGTH } from "./engine.mjs"

const PIECES = 65_536
const FETCHED = 20_000
const TICKS = 200

/** A torrent of {@link PIECES} pieces with `count` peers: seeds, and then one seed and otherwise peers that have nothing. */
export async function peers({ dist, dir, count }) {
  const { parseTorrent } = await import(join(dist, "metainfo/torrent-file.js"))
  const { path } = writeTorrent(join(dir, "peers.torrent"), {
    folder: false,
    name: "data",
    length: PIECES * PIECE_LENGTH,
    pieceLength: PIECE_LENGTH,
    pieces: Buffer.alloc(PIECES * 20, 7),
  })
  const metainfo = parseTorrent(readFileSync(path), digester)
  const seeded = await swarm(dist, metainfo, Array(count).fill("all"))
  const alone = await swarm(dist, metainfo, ["all"])
  const shared = await swarm(dist, metainfo, ["all", ...Array(count).fill("none")])
  return {
    "block from seeds, µs": seeded.piece,
    "tick with seeds, µs a peer": seeded.tick / count,
    "telling of a piece, µs a peer": (shared.piece - alone.piece) / count,
    "tick with leechers, µs a peer": shared.tick / (count + 1),
    "peak memory, MB": peakMemory() / 1e6,
  }
}

/** CPU microseconds a piece, and a tick. */
async function swarm(dist, metainfo, has) {
  const engine = await Engine.start(dist, metainfo, has)
  if (engine.connected !== has.length) throw new Error(`${engine.connected} of ${has.length} peers are connected`)
  // The compiler is warm then.
  await engine.deliver(FETCHED)
  const fetched = await cpu(() => engine.deliver(2 * FETCHED))
  const ticks = await cpu(async () => {
    for (let i = 0; i < TICKS; i++) engine.tick()
  })
  return { piece: fetched / FETCHED, tick: ticks / TICKS }
}
