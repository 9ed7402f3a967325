import { describe, expect, it } from "vitest"
import { Bitfield } from "../../../src/bytes/bitfield.js"
import type { PeerSession } from "../../../src/peer/peer-session.js"
import { PeerSource } from "../../../src/torrent/peer-source.js"

/** A connection as far as the picker's questions go. */
function source(session: {
  peerChoking: boolean
  allowedFast?: number[]
  pieces?: number[]
  asked?: number[]
}): PeerSource {
  const pieces = new Bitfield(8)
  for (const piece of session.pieces ?? []) pieces.add(piece)
  const connection: Partial<PeerSession> = {
    peerChoking: session.peerChoking,
    allowedFast: new Set(session.allowedFast),
    requester: {
      isOutstanding: (block: number) => session.asked?.includes(block) ?? false,
    } as PeerSession["requester"],
    ...(session.pieces === undefined ? {} : { pieces }),
  }
  return new PeerSource(1, connection as PeerSession, 0)
}

describe("a connected peer, as a source of blocks", () => {
  it("can be asked for the pieces it has, once it unchoked us", () => {
    const peer = source({ peerChoking: false, pieces: [1, 3] })
    expect([0, 1, 2, 3].filter((piece) => peer.hasPiece(piece))).toEqual([1, 3])
  })

  it("can be asked for allowed pieces alone while it chokes us, those that it has", () => {
    const peer = source({ peerChoking: true, pieces: [1, 3], allowedFast: [2, 3] })
    expect([0, 1, 2, 3].filter((piece) => peer.hasPiece(piece))).toEqual([3])
    expect([...(peer.onlyPieces ?? [])]).toEqual([2, 3])
    expect(source({ peerChoking: false, pieces: [1, 3], allowedFast: [2] }).onlyPieces).toBeUndefined()
  })

  it("can be asked for nothing before it said what it has", () => {
    expect(source({ peerChoking: false }).hasPiece(0)).toBe(false)
  })

  it("counts by its pieces only when it is counted so", () => {
    const peer = source({ peerChoking: false })
    expect(peer.counted).toBe(false)
    peer.countedAs = "seed"
    expect(peer.counted).toBe(false)
    peer.countedAs = "pieces"
    expect(peer.counted).toBe(true)
  })

  it("knows what it was asked for", () => {
    const peer = source({ peerChoking: false, asked: [7] })
    expect(peer.isAsked(7)).toBe(true)
    expect(peer.isAsked(8)).toBe(false)
  })
})
