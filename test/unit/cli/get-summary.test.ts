import { describe, expect, it } from "vitest"
import { getSummary } from "../../../src/cli/get-summary.js"
import { noStats } from "../../../src/dataset/no-stats.js"
import type { TorrentStats } from "../../../src/torrent/statistics/torrent-stats.js"

const MiB = 2 ** 20
const stats: TorrentStats = { ...noStats(), elapsed: 4_000, received: { ...noStats().received, total: 20 * MiB } }

describe("what get says at the end", () => {
  it("gives the time and the rate of the transfers, whatever passed before them", () => {
    expect(getSummary(stats, 4.3)).toBe("20.0 MiB in 4.0 s, 5.0 MiB/s")
    expect(getSummary(stats, 604)).toBe(
      "20.0 MiB in 4.0 s, 5.0 MiB/s; waiting and checking before that took 10 min 0 s",
    )
  })

  it("counts what was of use, and tells the rest apart", () => {
    const wasted = { ...noStats().wasted, total: 4 * MiB }
    expect(getSummary({ ...stats, wasted }, 4.3)).toBe(
      "16.0 MiB in 4.0 s, 4.0 MiB/s; another 4.0 MiB arrived and was not needed",
    )
  })
})
