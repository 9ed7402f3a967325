import { describe, expect, it } from "vitest"
import { Discoveries, type Need } from "../../../src/torrent/finding/discoveries.js"
import type { Discovery, Search } from "../../../src/torrent/finding/discovery.js"

function stage(hopeful = true) {
  const searches: (Search & { closed: boolean })[] = []
  const discovery: Discovery = {
    origin: "dht",
    after: 5000,
    search() {
      const search = {
        hopeful,
        status: "asking",
        closed: false,
        soon() {},
        close() {
          this.closed = true
        },
      }
      searches.push(search)
      return search
    },
  }
  const discoveries = new Discoveries({ discoveries: [discovery], infoHashes: [new Uint8Array(20)], onPeers: () => {} })
  const tick = (need: Partial<Need>): number => {
    discoveries.tick({ now: 0, lastArrival: 0, wantsPeers: true, downloading: true, noOtherSource: false, ...need })
    return searches.length
  }
  return { discoveries, searches, tick }
}

describe("searching further", () => {
  it("asks everywhere for all names of the torrent, where it is cheap before all others", () => {
    const asked: string[] = []
    const discovery = (origin: "dht" | "lsd", after: number): Discovery => ({
      origin,
      after,
      search: ({ infoHash, onPeers }) => {
        asked.push(`${origin} ${infoHash[0]}`)
        onPeers([{ host: "10.0.0.1", port: infoHash[0]! }])
        return { hopeful: false, status: "asked", soon() {}, close() {} }
      },
    })
    const named: unknown[] = []
    const discoveries = new Discoveries({
      discoveries: [discovery("dht", 5000), discovery("lsd", 500)],
      infoHashes: [new Uint8Array(20).fill(1), new Uint8Array(20).fill(2)],
      onPeers: (peers, origin) => named.push([origin, ...peers]),
    })
    const wellAt = (now: number): void =>
      discoveries.tick({ now, lastArrival: now, wantsPeers: true, downloading: true, noOtherSource: false })
    wellAt(0)
    expect(asked).toEqual([])
    wellAt(500)
    expect(asked).toEqual(["lsd 1", "lsd 2"])
    expect(named).toEqual([
      ["lsd", { host: "10.0.0.1", port: 1 }],
      ["lsd", { host: "10.0.0.1", port: 2 }],
    ])
    expect([discoveries.hopeful, discoveries.status()]).toEqual([true, ["asked"]])
    wellAt(5000)
    expect(asked.slice(2)).toEqual(["dht 1", "dht 2"])
    expect(discoveries.hopeful).toBe(false)
  })

  it("begins at once for who gives, and for who has nobody else to ask", () => {
    expect(stage().tick({ downloading: false })).toBe(1)
    expect(stage().tick({ noOtherSource: true })).toBe(1)
  })

  it("begins after a second in which nothing arrived", () => {
    const { tick } = stage()
    expect(tick({ now: 10_000 })).toBe(0)
    expect(tick({ now: 10_750, lastArrival: 10_500 })).toBe(0)
    expect(tick({ now: 11_250, lastArrival: 10_500 })).toBe(0)
    expect(tick({ now: 11_500, lastArrival: 10_500 })).toBe(1)
  })

  it("begins after five seconds however well it goes, and once", () => {
    const { tick } = stage()
    for (let now = 0; now < 5000; now += 250) expect(tick({ now, lastArrival: now })).toBe(0)
    expect(tick({ now: 5000, lastArrival: 5000 })).toBe(1)
    expect(tick({ now: 9000, lastArrival: 5000 })).toBe(1)
  })

  it("is hope until the searches have none", () => {
    const { discoveries, tick } = stage(false)
    expect(discoveries.hopeful).toBe(true)
    tick({ noOtherSource: true })
    expect(discoveries.hopeful).toBe(false)
    const none = new Discoveries({ discoveries: [], infoHashes: [new Uint8Array(20)], onPeers: () => {} })
    expect(none.hopeful).toBe(false)
  })

  it("ends with the torrent", () => {
    const { discoveries, searches, tick } = stage()
    tick({ noOtherSource: true })
    discoveries.close()
    expect([searches[0]!.closed, discoveries.hopeful]).toEqual([true, false])
    const unbegun = stage()
    unbegun.discoveries.close()
    expect(unbegun.tick({ noOtherSource: true })).toBe(0)
  })
})
