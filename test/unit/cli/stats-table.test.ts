import { describe, expect, it } from "vitest"
import { statsTable } from "../../../src/cli/stats-table.js"
import { noStats } from "../../../src/dataset/no-stats.js"
import type { TorrentStats } from "../../../src/torrent/statistics/torrent-stats.js"

const MiB = 2 ** 20
const SOME: TorrentStats = {
  ...noStats(),
  elapsed: 12_345,
  waits: { ...noStats().waits, total: 10_000, noSlot: 7500, windowFull: 2500 },
  received: { total: 12 * MiB, fromPeers: 8 * MiB, fromWebSeeds: 4 * MiB },
  wasted: { ...noStats().wasted, total: 2 * MiB, corrupt: MiB, cutOff: MiB },
  commits: {
    ...noStats().commits,
    disk: { bytes: 10 * MiB, busy: 5000, meanPieces: 2.25, maxPieces: 9 },
    meanTime: 12.3,
    maxTime: 1500,
  },
}

describe("the table of --stats", () => {
  const line = (start: string): string | undefined =>
    statsTable("a", SOME)
      .split("\n")
      .find((text) => text.trim().startsWith(start))

  it("gives each cause its share and its time, and leaves out what did not happen", () => {
    expect(line("memory full")).toMatch(/ 75\.0 % {2}7\.5 s$/)
    expect(line("peer's request window full")).toMatch(/ 25\.0 % {2}2\.5 s$/)
    expect(line("no source to ask")).toBeUndefined()
  })

  it("names where bytes came from, and why some were of no use", () => {
    expect(line("received")).toMatch(/12\.0 MiB: peers 8\.0 MiB, web seeds 4\.0 MiB$/)
    expect(line("wasted")).toMatch(/2\.0 MiB: corrupt 1\.0 MiB, cut off 1\.0 MiB$/)
  })

  it("gives the disk's rate while it was at work", () => {
    expect(line("write alone")).toMatch(/10\.0 MiB in 5\.0 s, 2\.0 MiB\/s; pieces at a time: mean 2\.3, max 9$/)
    expect(line("from full piece to stored")).toMatch(/mean 12 ms, max 1\.5 s$/)
  })

  it("has no line for a step that no piece went through", () => {
    for (const step of ["hash and write in workers", "time of the workers", "hash alone", "slots used"]) {
      expect(line(step)).toBeUndefined()
    }
  })

  it("escapes the name, and has something to say when nothing was transferred", () => {
    const table = statsTable("a\x1b[31m\nb", noStats())
    expect(table).not.toContain("\x1b")
    expect(table.split("\n")[0]).toMatch(/^where the time went: a.+b$/)
    expect(table).not.toMatch(/NaN|Infinity|fetching/)
  })
})
