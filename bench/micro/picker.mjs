import { join } from "node:path"
import { milliseconds, Stopwatch } from "./clock.mjs"

const PIECES = 1_000_000
/** One block a piece: nothing hides the cost of a piece. */
const PIECE_LENGTH = 16_384
const BATCH = 256
const BATCHES = 400
const HAVES = 500_000

/** The piece table and the picker at a million pieces. */
export async function picker(dist) {
  const [{ Picker }, { Fellows }, { PieceTable }, { Bitfield }, { TorrentLayout }] = await Promise.all(
    ["picker/picker.js", "picker/fellows.js", "picker/piece-table.js", "bytes/bitfield.js", "metainfo/layout.js"].map(
      (file) => import(join(dist, file)),
    ),
  )
  const random = new Random()
  const length = PIECES * PIECE_LENGTH
  const layout = new TorrentLayout(PIECE_LENGTH, [{ path: "data", offset: 0, length, padding: false }])
  const wanted = new Bitfield(PIECES)
  for (let piece = 0; piece < PIECES; piece++) wanted.add(piece)
  const memory = new Memory(2 * BATCH)
  let table
  const building = milliseconds(() => {
    table = new PieceTable({ layout, memory, random, have: new Bitfield(PIECES), wanted })
  })
  const picks = new Picker(table, random, new Fellows(new Uint8Array(20)))

  table.availability.addPeer(new Bitfield(PIECES))
  const have = new Stopwatch()
  have.time(HAVES, () => {
    for (let i = 0; i < HAVES; i++) table.availability.addHave((i * 7919) % PIECES)
  })

  const seed = {
    id: 1,
    counted: false,
    onlyPieces: undefined,
    pieceCount: PIECES,
    hasPiece: () => true,
    isAsked: () => false,
  }
  table.availability.addSeed()
  // The half that the HAVEs made: pieces that the seed alone has are rarer, and come first.
  const half = { ...seed, id: 2, counted: true, hasPiece: (piece) => table.availability.count(piece) > 1 }
  return [
    { what: "making the table", value: building, unit: "ms" },
    have.row("HAVE"),
    ...fetch(table, picks, seed, "a seed"),
    ...fetch(table, picks, half, "a peer with half"),
  ]
}

/** Picks, receives and stores blocks, each step timed on its own. */
function fetch(table, picks, source, from) {
  const [pick, receive, store] = [new Stopwatch(), new Stopwatch(), new Stopwatch()]
  const writer = { destination: null }
  for (let batch = 0; batch < BATCHES; batch++) {
    const asked = []
    pick.time(BATCH, () => picks.pickBlocks(source, BATCH, batch, (block) => asked.push(block)))
    if (asked.length !== BATCH) throw new Error(`${asked.length} blocks picked from ${from}`)
    const opens = asked.map((piece) => table.open.get(piece))
    receive.time(BATCH, () => {
      for (const open of opens) {
        open.unask(0)
        open.begin(0, writer)
        open.end(0, writer, source.id)
        table.settle(open)
      }
    })
    store.time(BATCH, () => {
      for (const open of opens) {
        table.commit(open)
        table.stored(open)
      }
    })
  }
  return [
    pick.row(`pick and open, from ${from}`),
    receive.row(`receive, from ${from}`),
    store.row(`commit and store, from ${from}`),
  ]
}

/** Buffers that all show the same bytes. */
class Memory {
  inUse = 0
  #buffer = { bytes: new Uint8Array(PIECE_LENGTH) }

  constructor(capacity) {
    this.capacity = capacity
  }

  acquire() {
    if (this.inUse === this.capacity) return undefined
    this.inUse++
    return this.#buffer
  }

  release() {
    this.inUse--
  }
}

/** xorshift32 (Marsaglia 2003): fast, so that chance is not what is measured. */
class Random {
  #state = 2463534242

  below(limit) {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) % limit
  }
}
