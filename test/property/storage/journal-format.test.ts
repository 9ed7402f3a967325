import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { decodeJournal, JournalEncoder } from "../../../src/storage/journal-format.js"
import type { JournalState, PieceState } from "../../../src/storage/journal-state.js"

const PIECES = 40
const FILES = 6
const infoHash = Uint8Array.from({ length: 20 }, (_, i) => i)
const expected = { infoHash, pieceCount: PIECES, fileCount: FILES }

/** One append each: pieces that reach a state, a stamp, or the clean mark. */
type Step =
  | { kind: "pieces"; state: PieceState; pieces: number[] }
  | { kind: "stamp"; file: number; size: number; mtimeNs: bigint; inode: bigint; bornNs: bigint }
  | { kind: "files"; files: number[]; home: boolean }
  | { kind: "clean" }

const ascending = (length: number) =>
  fc.uniqueArray(fc.nat(length - 1), { minLength: 1, maxLength: length }).map((values) => values.sort((a, b) => a - b))
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("pieces" as const),
    state: fc.constantFrom<PieceState>(1, 2, 3),
    pieces: ascending(PIECES),
  }),
  fc.record({
    kind: fc.constant("stamp" as const),
    file: fc.nat(FILES - 1),
    size: fc.maxSafeNat(),
    mtimeNs: fc.bigInt(0n, 2n ** 63n),
    inode: fc.bigInt(0n, 2n ** 64n - 1n),
    // 0: as in journals of before.
    bornNs: fc.oneof(fc.constant(0n), fc.bigInt(0n, 2n ** 64n - 1n)),
  }),
  fc.record({ kind: fc.constant("files" as const), files: ascending(FILES), home: fc.boolean() }),
  fc.constant({ kind: "clean" as const }),
)
const steps = fc.array(step, { maxLength: 20 })

/** The records, one by one, the header first. */
function encode(all: readonly Step[]): Uint8Array[] {
  const first = new JournalEncoder()
  first.header({ infoHash, name: "dataset" })
  const second = new JournalEncoder(first.checksum)
  second.open("boot")
  const records = [first.finish(), second.finish()]
  let { checksum } = second
  for (const one of all) {
    const encoder = new JournalEncoder(checksum)
    if (one.kind === "pieces") encoder.pieces(one.state, one.pieces)
    if (one.kind === "stamp") encoder.stamps([[one.file, { place: "final", ...one }]])
    if (one.kind === "files") encoder.files({ ours: true, home: one.home }, one.files)
    if (one.kind === "clean") encoder.clean()
    records.push(encoder.finish())
    checksum = encoder.checksum
  }
  return records
}

const join = (records: readonly Uint8Array[]) => Uint8Array.from(records.flatMap((record) => [...record]))

const plain = (state: JournalState | undefined) =>
  state && {
    pieces: [...state.pieces],
    ours: [...state.ours],
    home: [...state.home],
    stamps: [...state.stamps]
      .sort(([a], [b]) => a - b)
      .map(([file, { size, mtimeNs, inode, bornNs }]) => [file, size, mtimeNs, inode, bornNs]),
    bootId: state.bootId,
    clean: state.clean,
  }

/** What the journal says after each number of steps. */
function beginnings(all: readonly Step[]) {
  const records = encode(all)
  return records.map((_, count) => plain(decodeJournal(join(records.slice(0, count + 1)), expected)?.state))
}

describe("a journal", () => {
  it("says what was written", () => {
    fc.assert(
      fc.property(steps, (all) => {
        const states = new Array<number>(PIECES).fill(0)
        for (const one of all) if (one.kind === "pieces") for (const piece of one.pieces) states[piece] = one.state
        const bytes = join(encode(all))
        const decoded = decodeJournal(bytes, expected)!
        expect([...decoded.state.pieces]).toEqual(states)
        expect(decoded.state.clean).toBe(all.at(-1)?.kind === "clean")
        expect(decoded.state.bootId).toBe("boot")
        expect(decoded.length).toBe(bytes.length)
        for (const one of all
          .filter((other) => other.kind === "stamp")
          .reverse()
          .slice(0, 1)) {
          const { size, mtimeNs, inode, bornNs } = one
          expect(decoded.state.stamps.get(one.file)).toEqual({ place: "final", size, mtimeNs, inode, bornNs })
        }
      }),
    )
  })

  it("that is cut off anywhere says what one of its beginnings said", () => {
    fc.assert(
      fc.property(steps, fc.nat(), (all, cut) => {
        const bytes = join(encode(all))
        const found = plain(decodeJournal(bytes.subarray(0, cut % (bytes.length + 1)), expected)?.state)
        expect([undefined, ...beginnings(all)]).toContainEqual(found)
      }),
    )
  })

  it("with any byte changed says what one of its beginnings said", () => {
    fc.assert(
      fc.property(steps, fc.nat(), fc.integer({ min: 1, max: 255 }), (all, where, change) => {
        const bytes = join(encode(all))
        bytes[where % bytes.length]! ^= change
        expect([undefined, ...beginnings(all)]).toContainEqual(plain(decodeJournal(bytes, expected)?.state))
      }),
    )
  })

  it("whose records reached the disk in another order, or in part, says what one of its beginnings said", () => {
    fc.assert(
      fc.property(
        steps.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(encode(all).slice(1)))),
        ([all, shuffled]) => {
          const bytes = join([encode(all)[0]!, ...shuffled])
          expect(beginnings(all)).toContainEqual(plain(decodeJournal(bytes, expected)?.state))
        },
      ),
    )
  })

  it("with pages of zeros in it says what one of its beginnings said", () => {
    fc.assert(
      fc.property(steps, fc.nat(), fc.integer({ min: 1, max: 64 }), (all, where, length) => {
        const bytes = join(encode(all))
        const from = where % bytes.length
        bytes.fill(0, from, from + length)
        expect([undefined, ...beginnings(all)]).toContainEqual(plain(decodeJournal(bytes, expected)?.state))
      }),
    )
  })

  it("can be continued where its whole part ends", () => {
    fc.assert(
      fc.property(steps, fc.uint8Array({ maxLength: 30 }), (all, garbage) => {
        const whole = join(encode(all))
        const decoded = decodeJournal(join([whole, garbage]), expected)!
        const encoder = new JournalEncoder(decoded.checksum)
        encoder.pieces(3, [7])
        const longer = join([whole.subarray(0, decoded.length), encoder.finish()])
        expect(decodeJournal(longer, expected)!.state.pieces[7]).toBe(3)
      }),
    )
  })

  it("never throws, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeJournal(bytes, expected)
        decodeJournal(join([...encode([]), bytes]), expected)
      }),
    )
  })

  it("that goes on for ever is none, so that a new one begins: what is appended to it would not be read", () => {
    const encoder = new JournalEncoder()
    encoder.header({ infoHash, name: "dataset" })
    for (let run = 0; run < 100_000; run++) encoder.pieces(run % 2 === 0 ? 3 : 0, [7])
    expect(decodeJournal(encoder.finish(), expected)).toBeUndefined()
  })

  it("of another dataset is not believed", () => {
    const bytes = join(encode([]))
    expect(decodeJournal(bytes, { ...expected, infoHash: new Uint8Array(20) })).toBeUndefined()
  })

  it("of a million pieces done in order takes a few bytes", () => {
    const encoder = new JournalEncoder()
    encoder.pieces(3, Array(1_000_000).keys())
    expect(encoder.finish().length).toBeLessThan(20)
  })
})
