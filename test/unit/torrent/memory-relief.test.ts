import { describe, expect, it } from "vitest"
import type { OpenPiece } from "../../../src/picker/open-piece.js"
import { MemoryRelief } from "../../../src/torrent/memory-relief.js"
import type { PeerSource } from "../../../src/torrent/peer-source.js"
import { Stage } from "./stage.js"

const SECONDS = 1000

interface Peer {
  readonly pieces: ReadonlySet<number>
  choking: boolean
  outstanding: number
}

/** A peer as far as it matters for memory. */
function asSource(peer: Peer): PeerSource {
  const source = {
    id: 1,
    session: {
      get peerChoking() {
        return peer.choking
      },
      requester: {
        get outstanding() {
          return peer.outstanding
        },
        room: 5,
      },
      pieces: peer.pieces,
    },
    hasPiece: (piece: number) => peer.pieces.has(piece),
  }
  return source as unknown as PeerSource
}

function stageOf(peers: readonly Peer[]) {
  const stage = new Stage({ pieces: 4, capacity: 2 })
  stage.open(0)
  stage.open(1)
  stage.give(1, 1, 0)
  const sources = peers.map(asSource)
  const relief = new MemoryRelief({
    table: stage.table,
    picker: stage.picker,
    roster: {
      *connected() {
        yield* sources
      },
      anyoneHas: (piece) => peers.some(({ pieces }) => pieces.has(piece)),
    },
    webSeeds: { anyoneHas: () => false, readyHas: () => false, someoneIdle: false },
  })
  return { stage, relief }
}

const choker = (): Peer => ({ pieces: new Set([0, 1]), choking: true, outstanding: 0 })
const other = (): Peer => ({ pieces: new Set([2, 3]), choking: false, outstanding: 0 })

describe("memory for pieces", () => {
  it("goes, after 20 s, from the emptiest piece of peers that choke us to an idle peer that has others", () => {
    const { stage, relief } = stageOf([choker(), other()])
    expect(relief.relieve(0)).toBe(false)
    expect(relief.relieve(19 * SECONDS)).toBe(false)
    expect(relief.relieve(20 * SECONDS)).toBe(true)
    expect([...stage.table.open.keys()]).toEqual([1])
    expect(stage.table.state(0)).toBe("missing")
  })

  it("stays where it is while the other peer is at work, or nobody has anything else", () => {
    const busy = other()
    busy.outstanding = 1
    const { stage, relief } = stageOf([choker(), busy])
    relief.relieve(0)
    expect(relief.relieve(60 * SECONDS)).toBe(false)
    expect(stage.table.open.size).toBe(2)
    const alone = stageOf([choker()])
    alone.relief.relieve(0)
    expect(alone.relief.relieve(60 * SECONDS)).toBe(false)
  })

  it.each<[string, (open: OpenPiece) => void]>([
    [
      "asked for",
      (open) => {
        open.ask(1)
        open.unask(1)
      },
    ],
    [
      "written to",
      (open) => {
        const writer = { destination: null }
        open.begin(1, writer)
        open.abandon(1, writer)
      },
    ],
  ])("counts the 20 s anew when a piece was %s", (_, work) => {
    const { stage, relief } = stageOf([choker(), other()])
    relief.relieve(0)
    for (const open of stage.table.open.values()) {
      work(open)
      stage.table.settle(open)
    }
    expect(relief.relieve(30 * SECONDS)).toBe(false)
    expect(relief.relieve(50 * SECONDS)).toBe(true)
  })

  it("comes back at once from pieces that nobody has any more", () => {
    const { stage, relief } = stageOf([other()])
    expect(relief.relieve(0)).toBe(true)
    expect(stage.table.open.size).toBe(0)
  })
})
