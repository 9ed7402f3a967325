import { expect, it } from "vitest"
import type { DhtNode } from "../../../src/dht/node.js"
import { DhtSearch } from "../../../src/dht/search.js"

const MINUTE = 60_000

/** Minutes at which a search that `answers` nodes name `peers`, all of no use, asks the network in its first hour. */
function roundsOf(peers: { host: string; port: number }[], answers = 1): number[] {
  let now = 0
  const rounds: number[] = []
  const node = {
    busy: false,
    getPeers: (_: Uint8Array, { onPeers, onDone }: Parameters<DhtNode["getPeers"]>[1]) => {
      rounds.push(now / MINUTE)
      onPeers(peers)
      onDone([], answers)
      return { stop() {} }
    },
  } as unknown as DhtNode
  const search = new DhtSearch({
    infoHash: new Uint8Array(20),
    onPeers: () => {},
    announcePort: () => undefined,
    nodes: [node],
    now: () => now,
    onDeaf: () => {},
  })
  for (; now < 60 * MINUTE; now += 1000) {
    if (answers > 0) search.soon()
    search.tick()
  }
  return rounds
}

it("a search is repeated each minute while nobody is found, and ever more seldom while nobody who is found is of use", () => {
  expect(roundsOf([])).toHaveLength(60)
  // Two in half an hour are usual; between them come those after 1, 2, 4 and 8 minutes.
  expect(roundsOf([{ host: "10.0.0.9", port: 6881 }])).toEqual([0, 1, 3, 7, 15, 30, 31, 33, 37, 45])
})

it("a search that no node answers is repeated ever more seldom, and every five minutes in the end", () => {
  const rounds = roundsOf([], 0).map((minute) => minute * 60)
  expect(rounds.slice(0, 9)).toEqual([0, 5, 15, 35, 75, 155, 315, 615, 915])
  expect(rounds).toHaveLength(17)
})
