import { describe, expect, it } from "vitest"
import { Bitfield } from "../../../src/bytes/bitfield.js"
import type { PeerSession } from "../../../src/peer/peer-session.js"
import { Choking } from "../../../src/torrent/giving/choking.js"
import { PeerSource } from "../../../src/torrent/peer-source.js"

function bitfield(...pieces: number[]): Bitfield {
  const field = new Bitfield(8)
  for (const piece of pieces) field.add(piece)
  return field
}

/** A peer that is interested, with what it said that it has. */
function interested(pieces: Bitfield | undefined) {
  const session = {
    peerInterested: true,
    amChoking: true,
    requester: { snubbed: false },
    uploaded: 0,
    pieces,
    downloaded: 0,
    uploader: {
      unchoke: () => {
        session.amChoking = false
      },
      choke: () => {
        session.amChoking = true
      },
    },
  }
  return { session, peer: new PeerSource(1, session as unknown as PeerSession, 0) }
}

describe("who is interested", () => {
  const options = { now: 1000, seeding: false }

  it.each([
    ["something that it lacks", bitfield(1, 2), bitfield(1), true],
    ["nothing that it lacks", bitfield(1), bitfield(1, 2), false],
    ["something, and it nothing", bitfield(1), undefined, true],
    ["nothing at all", bitfield(), undefined, false],
  ])("is unchoked or not while we have %s", (_what, have, theirs, unchoked) => {
    const { session, peer } = interested(theirs)
    new Choking({ have }).rechoke([peer], options)
    expect(session.amChoking).toBe(!unchoked)
  })

  it("gets its turn as soon as we have something, and keeps it when there is nothing more", () => {
    const have = bitfield()
    const theirs = bitfield(0)
    const { session, peer } = interested(theirs)
    const choking = new Choking({ have })
    choking.rechoke([peer], options)
    have.add(3)
    choking.rechoke([peer], { ...options, now: 1250 })
    expect(session.amChoking).toBe(false)
    theirs.add(3)
    choking.rechoke([peer], { ...options, now: 1500 })
    expect(session.amChoking).toBe(false)
  })
})
