import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { makeData } from "../lib/data.mjs"
import { writeTorrent } from "../lib/torrent.mjs"
import { cpu } from "./cpu.mjs"

const LENGTH = 65_536
const PIECE_LENGTH = 16_384
/** ms in which the compiler warms up, and what was written at the start is synced. */
const SETTLING = 8_000
/** ms of idling that are looked at. */
const IDLE = 4_000

/** `count` small datasets of one process, complete, that are given to nobody. */
export async function torrents({ dist, dir, count }) {
  const { open } = await import(join(dist, "index.js"))
  const before = process.memoryUsage().rss
  const datasets = []
  const opening = await cpu(async () => {
    for (let i = 0; i < count; i++) {
      const datastore = join(dir, `torrent-${i}`)
      mkdirSync(datastore)
      const { path } = writeTorrent(
        join(dir, `${i}.torrent`),
        makeData(datastore, { bytes: LENGTH, pieceLength: PIECE_LENGTH }),
      )
      const dataset = await open(path, { datastore, port: 0, trackers: false, webSeeds: false })
      await dataset.seed()
      datasets.push(dataset)
    }
  })
  const memory = process.memoryUsage().rss - before
  await sleep(SETTLING)
  const idling = await cpu(() => sleep(IDLE))
  await Promise.all(datasets.map((dataset) => dataset.close()))
  for (let i = 0; i < count; i++) rmSync(join(dir, `torrent-${i}`), { recursive: true })
  return {
    "open and verify, µs a torrent": opening / count,
    "idle second, µs a torrent": idling / (IDLE / 1000) / count,
    "memory, kB a torrent": memory / 1e3 / count,
  }
}
