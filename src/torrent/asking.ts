import type { Picker } from "../picker/picker.js"
import type { PieceTable } from "../picker/piece-table.js"
import type { Slot } from "../storage/slots.js"
import type { PeerSource } from "./peer-source.js"
import type { Totals } from "./totals.js"

/** Idle sources double blocks at most this many times when nothing has arrived for {@link STUCK} (rain: 20). */
const MAX_COPIES_STUCK = 20
/** Normal end-game: a block is asked for twice at most. */
const MAX_COPIES = 2
/** ms */
const STUCK = 5_000
/** An open piece this old may be helped by others although pieces are still missing, ms. */
const SLOW_PIECE = 10_000
/** Blocks an idle source doubles at a time: little is wasted when the first asker delivers after all. */
const DUPLICATES = 8

/** Asks peers for blocks, as many as they have room for. */
export class Asking {
  readonly #table: PieceTable<Slot>
  readonly #picker: Picker<Slot>
  readonly #totals: Totals

  constructor(options: { table: PieceTable<Slot>; picker: Picker<Slot>; totals: Totals }) {
    this.#table = options.table
    this.#picker = options.picker
    this.#totals = options.totals
  }

  fill(peer: PeerSource, now: number): void {
    const { session } = peer
    if (!session.amInterested) return
    const { room } = session
    if (room <= 0) return
    const ask = (block: number): void => session.request(block)
    const picked = this.#picker.pickBlocks(peer, room, now, ask)
    if (picked > 0 || session.outstanding > 0) return
    const ending = this.#table.count("missing") + this.#table.count("reserved") === 0
    const stuck = now - this.#totals.lastArrival > STUCK
    this.#picker.pickDuplicates(
      peer,
      Math.min(room, DUPLICATES),
      { maxCopies: stuck ? MAX_COPIES_STUCK : MAX_COPIES, openedBefore: ending ? Infinity : now - SLOW_PIECE },
      ask,
    )
  }
}
