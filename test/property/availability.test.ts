import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Bitfield } from "../../src/bytes/bitfield.js"
import { Availability } from "../../src/picker/availability.js"
import { seededRandom } from "../support/seeded-random.js"

type Step =
  | { kind: "join"; pieces: number[] }
  | { kind: "leave"; peer: number }
  | { kind: "have"; peer: number; piece: number }
  | { kind: "dontHave"; peer: number; piece: number }
  | { kind: "seed" }
  | { kind: "candidate"; piece: number; on: boolean }

/** More than the bulk bound, so that both ways of counting are taken. */
const PIECES = 90

const piece = fc.nat(PIECES - 1)
const pieces = fc.uniqueArray(piece, { maxLength: PIECES })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("join" as const),
    pieces: fc.oneof(fc.uniqueArray(piece, { maxLength: 10 }), pieces),
  }),
  fc.record({ kind: fc.constant("leave" as const), peer: fc.nat() }),
  fc.record({ kind: fc.constant("have" as const), peer: fc.nat(), piece }),
  fc.record({ kind: fc.constant("dontHave" as const), peer: fc.nat(), piece }),
  fc.record({ kind: fc.constant("seed" as const) }),
  fc.record({ kind: fc.constant("candidate" as const), piece, on: fc.boolean() }),
)

describe("availability", () => {
  it("agrees with counting, and picks a rarest candidate, after any history", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(), pieces, (steps, seed, has) => {
        const availability = new Availability(PIECES, seededRandom(seed))
        const peers: Bitfield[] = []
        const candidates = new Set<number>()
        for (let p = 0; p < PIECES; p += 2) {
          candidates.add(p)
          availability.addCandidate(p)
        }
        let seeds = 0
        for (const s of steps) {
          if (s.kind === "join") {
            const pieces = new Bitfield(PIECES)
            for (const p of s.pieces) pieces.add(p)
            peers.push(pieces)
            availability.addPeer(pieces)
          } else if (s.kind === "leave") {
            const [pieces] = peers.splice(s.peer % Math.max(1, peers.length), 1)
            if (pieces !== undefined) availability.removePeer(pieces)
          } else if (s.kind === "have") {
            if (peers[s.peer % Math.max(1, peers.length)]?.add(s.piece)) availability.addHave(s.piece)
          } else if (s.kind === "dontHave") {
            if (peers[s.peer % Math.max(1, peers.length)]?.delete(s.piece)) availability.removeHave(s.piece)
          } else if (s.kind === "seed") {
            seeds++
            availability.addSeed()
          } else if (s.on) {
            candidates.add(s.piece)
            availability.addCandidate(s.piece)
          } else {
            candidates.delete(s.piece)
            availability.removeCandidate(s.piece)
          }
        }
        const count = (p: number): number => peers.filter((pieces) => pieces.has(p)).length + seeds
        for (let p = 0; p < PIECES; p++) expect(availability.count(p)).toBe(count(p))
        const possible = has.filter((p) => candidates.has(p))
        const picked = availability.rarest((p) => has.includes(p))
        if (possible.length === 0) expect(picked).toBeUndefined()
        else {
          expect(possible).toContain(picked)
          expect(count(picked!)).toBe(Math.min(...possible.map(count)))
        }
        expect(availability.candidates).toBe(candidates.size)
        availability.assertInvariants()
      }),
      { numRuns: 1000 },
    )
  })
})
