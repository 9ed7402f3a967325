import { concatBytes } from "../../../src/bytes/concat.js"
import { crc32 } from "../../../src/bytes/crc32.js"
import { type DecodedJournal, decodeJournal, JournalEncoder } from "../../../src/storage/journal-format.js"
import type { JournalState } from "../../../src/storage/journal-state.js"
import { Choices } from "../lib/choices.js"
import { must, mustEqual, sameBytes } from "../lib/expect.js"
import type { Target } from "../lib/target.js"

const MAGIC = Uint8Array.of(0x41, 0x54, 0x4a, 0x01)
const CHECKSUM = 4
const infoHash = new Uint8Array(20).fill(0xaa)
const expected = { infoHash, pieceCount: 300, fileCount: 5 }

/** The file as it lies there: no flipped bit, torn record or stranger's file makes it say what was never written. */
export const journal: Target = {
  name: "journal",
  seeds: () => [written()],
  words: [MAGIC, infoHash],
  check(input) {
    const found = checked(input)
    // No checksum is right by chance: what is believed was written.
    if (found !== undefined)
      must(
        sameBytes(input.subarray(0, found.length), written().subarray(0, found.length)),
        "it believes what was never written",
      )
  },
}

/** Records with anything in them, but with the right checksums, as somebody could write them who means harm. */
export const journalRecords: Target = {
  name: "journal-records",
  seeds: () => [payloads(written())],
  check(input) {
    const choices = new Choices(input)
    const encoder = new JournalEncoder()
    encoder.header({ infoHash, name: "dataset" })
    let bytes = encoder.finish()
    let { checksum } = encoder
    while (choices.left > 0) {
      const type = choices.byte()
      const payload = choices.take(choices.byte())
      const record = Uint8Array.of(type, ...varint(payload.length), ...payload)
      checksum = crc32(record, checksum)
      const end = new Uint8Array(CHECKSUM)
      new DataView(end.buffer).setUint32(0, checksum)
      bytes = concatBytes(bytes, record, end)
    }
    checked(bytes)
  },
}

function checked(input: Uint8Array): DecodedJournal | undefined {
  const found = decodeJournal(input, expected)
  if (found === undefined) return undefined
  must(found.length <= input.length, "more is whole than there is")
  mustBeSound(found.state)
  mustSayTheSame(found.state)
  const begin = decodeJournal(input.subarray(0, found.length), expected)
  // What follows may take the mark of a clean end away, and nothing else.
  must(begin?.state.clean === true || !found.state.clean, "a clean end comes from nowhere")
  mustEqual(plain(begin?.state, found.state.clean), plain(found.state), "its whole part says something else")
  return found
}

function mustBeSound(state: JournalState): void {
  must(state.pieces.length === expected.pieceCount, "it has other pieces")
  must(
    state.pieces.every((piece) => piece <= 3),
    "a piece is in no state",
  )
  for (const [file, { size }] of state.stamps) {
    must(file < expected.fileCount && Number.isSafeInteger(size) && size >= 0, "a stamp is of no file")
  }
}

function mustSayTheSame(state: JournalState): void {
  const encoder = new JournalEncoder()
  encoder.header({ infoHash, name: "dataset" })
  encoder.everything(state)
  encoder.open(state.bootId)
  if (state.clean) encoder.clean()
  const again = decodeJournal(encoder.finish(), expected)
  mustEqual(plain(again?.state), plain(state), "written anew it says something else")
}

function plain(state: JournalState | undefined, clean = state?.clean): unknown {
  return (
    state && {
      pieces: state.pieces,
      ours: [...state.ours],
      home: [...state.home],
      stamps: [...state.stamps].sort(([a], [b]) => a - b),
      bootId: state.bootId,
      clean,
    }
  )
}

function written(): Uint8Array {
  const encoder = new JournalEncoder()
  encoder.header({ infoHash, name: "dataset" })
  encoder.files({ ours: true, home: true }, [0, 1, 2])
  encoder.pieces(1, [0, 1, 2, 3, 200])
  encoder.pieces(2, [0, 1])
  encoder.pieces(3, [0, 5, 6, 299])
  encoder.stamps([
    [0, { place: "final", size: 12_345, mtimeNs: 1_700_000_000_000_000_000n, inode: 77n, bornNs: 0n }],
    [1, { place: "part", size: 2 ** 40, mtimeNs: 1n, inode: 2n ** 63n, bornNs: 2n ** 60n }],
    [2, undefined],
  ])
  encoder.open("8f3c-boot")
  encoder.clean()
  return encoder.finish()
}

/** The records behind the header as {@link journalRecords} takes them. */
function payloads(bytes: Uint8Array): Uint8Array {
  const records: number[] = []
  // All lengths here take one byte.
  for (let at = MAGIC.length, first = true; at < bytes.length; first = false) {
    const length = bytes[at + 1]!
    if (!first) records.push(...bytes.subarray(at, at + 2 + length))
    at += 2 + length + CHECKSUM
  }
  return Uint8Array.from(records)
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, value >> 7]
}
