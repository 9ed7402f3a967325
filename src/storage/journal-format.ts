import { concatBytes, joinChunks } from "../bytes/concat.js"
import { crc32 } from "../bytes/crc32.js"
import { sameBytes } from "../bytes/same-bytes.js"
import { decodeUtf8Lenient, encodeUtf8 } from "../bytes/text.js"
import { ByteCursor, pushUint64, pushVarint } from "./byte-cursor.js"
import { type FileStamp, JournalState, type PieceState } from "./journal-state.js"
import { type Range, toRanges } from "./ranges.js"

/*
 * A journal is the magic, then records: type (1 byte), payload length (varint), payload, CRC-32 (4 bytes, big-endian).
 *
 * Each checksum goes on from the one before it, so it covers the file from its start: after a flipped, lost, moved or
 * stale record nothing is believed, and what is read is always a true beginning of what was written.
 * Numbers are LEB128 varints. A piece's or file's last record counts.
 */
const MAGIC = Uint8Array.of(0x41, 0x54, 0x4a, 0x01) // "ATJ", version 1
const CHECKSUM_LENGTH = 4

const RecordType = {
  header: 1,
  open: 2,
  clean: 3,
  stamps: 4,
  /** + PieceState */
  pieces: 16,
  /** + file flags */
  files: 32,
} as const

const OURS = 1
const HOME = 2
const STAMP_PLACES = ["none", "part", "final"] as const
/** Beside a stamp's place: it says when the file was made. */
const BORN = 4

/** Pieces that one journal may name in all, per piece of the torrent: more is forged, or has seen a thousand repairs. */
const MAX_MENTIONS_PER_PIECE = 1000

/** Whose journal it is. */
export interface JournalHeader {
  readonly infoHash: Uint8Array
  readonly name: string
}

/** What was read, and where appending goes on. */
export interface DecodedJournal {
  readonly state: JournalState
  /** Bytes that are whole; what follows is a torn tail. */
  readonly length: number
  /** The checksum that the next record's goes on from. */
  readonly checksum: number
}

/** Puts records together that go to the end of a journal. */
export class JournalEncoder {
  readonly #records: Uint8Array[] = []
  #checksum: number

  /** `checksum` is that of the last record before; absent at the start of a file. */
  constructor(checksum?: number) {
    this.#checksum = checksum ?? crc32(MAGIC)
    if (checksum === undefined) this.#records.push(MAGIC)
  }

  get checksum(): number {
    return this.#checksum
  }

  header(header: JournalHeader): void {
    this.#record(RecordType.header, concatBytes(header.infoHash, encodeUtf8(header.name)))
  }

  open(bootId: string): void {
    this.#record(RecordType.open, encodeUtf8(bootId))
  }

  clean(): void {
    this.#record(RecordType.clean, new Uint8Array(0))
  }

  /** `pieces` ascending; nothing is written for none. */
  pieces(state: PieceState, pieces: Iterable<number>): void {
    const ranges = toRanges(pieces)
    if (ranges.length > 0) this.#record(RecordType.pieces + state, encodeRanges(ranges))
  }

  /** `files` ascending; nothing is written for none. */
  files(flags: { ours: boolean; home: boolean }, files: Iterable<number>): void {
    const ranges = toRanges(files)
    const type = RecordType.files + (flags.ours ? OURS : 0) + (flags.home ? HOME : 0)
    if (ranges.length > 0) this.#record(type, encodeRanges(ranges))
  }

  /** Undefined: the file has no stamp any more. */
  stamps(stamps: Iterable<readonly [file: number, stamp: FileStamp | undefined]>): void {
    const bytes: number[] = []
    for (const [file, stamp] of stamps) {
      pushVarint(bytes, file)
      const isBorn = stamp !== undefined && stamp.bornNs !== 0n
      bytes.push(STAMP_PLACES.indexOf(stamp?.place ?? "none") + (isBorn ? BORN : 0))
      if (stamp === undefined) continue
      pushVarint(bytes, stamp.size)
      pushUint64(bytes, stamp.mtimeNs)
      pushUint64(bytes, stamp.inode)
      if (isBorn) pushUint64(bytes, stamp.bornNs)
    }
    if (bytes.length > 0) this.#record(RecordType.stamps, Uint8Array.from(bytes))
  }

  /** All that a state says, clean mark and boot id aside. */
  everything(state: JournalState): void {
    const pieces: number[][] = [[], [], [], []]
    for (let piece = 0; piece < state.pieces.length; piece++) pieces[state.pieces[piece]!]?.push(piece)
    for (const value of [1, 2, 3] as const) this.pieces(value, pieces[value]!)
    const files: number[][] = [[], [], [], []]
    for (let file = 0; file < state.ours.length; file++) {
      files[(state.ours.has(file) ? OURS : 0) + (state.home.has(file) ? HOME : 0)]!.push(file)
    }
    for (const flags of [1, 2, 3]) {
      this.files({ ours: (flags & OURS) !== 0, home: (flags & HOME) !== 0 }, files[flags]!)
    }
    this.stamps(state.stamps)
  }

  finish(): Uint8Array {
    return joinChunks(this.#records)
  }

  #record(type: number, payload: Uint8Array): void {
    const head = [type]
    pushVarint(head, payload.length)
    const record = new Uint8Array(head.length + payload.length + CHECKSUM_LENGTH)
    record.set(head)
    record.set(payload, head.length)
    this.#checksum = crc32(record.subarray(0, head.length + payload.length), this.#checksum)
    new DataView(record.buffer).setUint32(head.length + payload.length, this.#checksum)
    this.#records.push(record)
  }
}

/** Reads as far as it is whole. Undefined when it is no journal, another dataset's, or too long for what it is about. */
export function decodeJournal(
  bytes: Uint8Array,
  expected: { infoHash: Uint8Array; pieceCount: number; fileCount: number },
): DecodedJournal | undefined {
  const reader = new RecordReader(bytes)
  const first = reader.next()
  const header = first === undefined ? undefined : parseHeader(first)
  if (header === undefined || !sameBytes(header.infoHash, expected.infoHash)) return undefined
  const state = new JournalState(expected.pieceCount, expected.fileCount)
  let { position: length, checksum } = reader
  const budget = { left: MAX_MENTIONS_PER_PIECE * (expected.pieceCount + expected.fileCount + 1) }
  for (let record = reader.next(); record !== undefined; record = reader.next()) {
    if (!apply(record, state, budget)) break
    ;({ position: length, checksum } = reader)
  }
  // Not what it said until then: whatever is appended to it would never be read.
  return budget.left < 0 ? undefined : { state, length, checksum }
}

interface JournalRecord {
  readonly type: number
  readonly payload: Uint8Array
}

/** Steps through records whose checksums hold. */
class RecordReader {
  readonly #bytes: Uint8Array
  position = 0
  checksum = crc32(MAGIC)

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  next(): JournalRecord | undefined {
    if (this.position === 0) {
      if (!MAGIC.every((byte, i) => byte === this.#bytes[i])) return undefined
      this.position = MAGIC.length
    }
    const type = this.#bytes[this.position]
    const cursor = new ByteCursor(this.#bytes, this.position + 1)
    const length = cursor.varint()
    if (type === undefined || length === undefined) return undefined
    const end = cursor.position + length
    if (end + CHECKSUM_LENGTH > this.#bytes.length) return undefined
    const checksum = crc32(this.#bytes.subarray(this.position, end), this.checksum)
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + end, CHECKSUM_LENGTH)
    if (view.getUint32(0) !== checksum) return undefined
    this.position = end + CHECKSUM_LENGTH
    this.checksum = checksum
    return { type, payload: this.#bytes.subarray(cursor.position, end) }
  }
}

function parseHeader(record: JournalRecord): JournalHeader | undefined {
  if (record.type !== RecordType.header || record.payload.length < 20) return undefined
  return { infoHash: record.payload.slice(0, 20), name: decodeUtf8Lenient(record.payload.subarray(20)) }
}

/** False when the record is not one that we write: it and what follows are not believed. */
function apply(record: JournalRecord, state: JournalState, budget: { left: number }): boolean {
  const { type, payload } = record
  state.clean = type === RecordType.clean && payload.length === 0
  if (type === RecordType.clean) return state.clean
  if (type === RecordType.open) {
    state.bootId = decodeUtf8Lenient(payload)
    return true
  }
  if (type === RecordType.stamps) return applyStamps(payload, state)
  if (type >= RecordType.pieces && type <= RecordType.pieces + 3) {
    const ranges = decodeRanges(payload, state.pieces.length, budget)
    for (const { first, count } of ranges ?? []) {
      state.pieces.fill(type - RecordType.pieces, first, first + count)
    }
    return ranges !== undefined
  }
  if (type < RecordType.files || type > RecordType.files + (OURS | HOME)) return false
  const ranges = decodeRanges(payload, state.ours.length, budget)
  for (const { first, count } of ranges ?? []) {
    for (let file = first; file < first + count; file++) {
      state.ours[(type & OURS) === 0 ? "delete" : "add"](file)
      state.home[(type & HOME) === 0 ? "delete" : "add"](file)
    }
  }
  return ranges !== undefined
}

function applyStamps(payload: Uint8Array, state: JournalState): boolean {
  const files: number[] = []
  const stamps: (FileStamp | undefined)[] = []
  const cursor = new ByteCursor(payload, 0)
  while (cursor.position < payload.length) {
    const file = cursor.varint()
    const how = payload[cursor.position++] ?? STAMP_PLACES.length
    const place = STAMP_PLACES[how & ~BORN]
    if (file === undefined || place === undefined || file >= state.ours.length) return false
    files.push(file)
    if (place === "none") {
      stamps.push(undefined)
      continue
    }
    const size = cursor.varint()
    const mtimeNs = cursor.uint64()
    const inode = cursor.uint64()
    // Journals of before have none.
    const bornNs = (how & BORN) === 0 ? 0n : cursor.uint64()
    if (size === undefined || mtimeNs === undefined || inode === undefined || bornNs === undefined) return false
    stamps.push({ place, size, mtimeNs, inode, bornNs })
  }
  for (const [at, file] of files.entries()) {
    const stamp = stamps[at]
    if (stamp === undefined) state.stamps.delete(file)
    else state.stamps.set(file, stamp)
  }
  return true
}

/** Each range as the gap since the end of the one before, and its count. */
function encodeRanges(ranges: readonly Range[]): Uint8Array {
  const bytes: number[] = []
  let end = 0
  for (const { first, count } of ranges) {
    pushVarint(bytes, first - end)
    pushVarint(bytes, count)
    end = first + count
  }
  return Uint8Array.from(bytes)
}

function decodeRanges(payload: Uint8Array, limit: number, budget: { left: number }): Range[] | undefined {
  const ranges: Range[] = []
  const cursor = new ByteCursor(payload, 0)
  let end = 0
  while (cursor.position < payload.length) {
    const gap = cursor.varint()
    const count = cursor.varint()
    if (gap === undefined || count === undefined || end + gap + count > limit) return undefined
    ranges.push({ first: end + gap, count })
    end += gap + count
    budget.left -= count + 1
    if (budget.left < 0) return undefined
  }
  return ranges
}
