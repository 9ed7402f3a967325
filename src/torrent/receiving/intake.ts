import { AtError } from "../../errors.js"
import type { OpenPiece, Writer } from "../../picker/open-piece.js"
import type { PieceTable } from "../../picker/piece-table.js"
import type { Hasher } from "../../ports/hasher.js"
import type { CommitOutcome, PieceStore } from "../../storage/piece-store.js"
import type { Slot } from "../../storage/slots.js"
import { Blame } from "./blame.js"

/** What the torrent hears from its download half. */
export interface IntakeHost {
  /** The source gave a block that counts; `copies`: requests for it that others have yet to answer. */
  onBlockKept(block: number, source: number, copies: number): void
  /** The piece is verified and on disk. */
  onPieceStored(piece: number): void
  /** The source gave wrong bytes, without a doubt. */
  onGuilty(source: number, piece: number): void
  /** The piece did not hash right, whoever's fault that was; so many bytes of it were received. */
  onPieceCorrupt(piece: number, received: number): void
  /** It can't go on: the disk refused, or this program is wrong. */
  onFault(error: AtError): void
  /** A slot is free again. */
  onMemoryFreed(): void
}

/**
 * The download half: blocks from any source come together in open pieces; full ones go to the store. Below this point
 * nothing knows where bytes came from.
 */
export class Intake {
  readonly #table: PieceTable<Slot>
  readonly #store: Pick<PieceStore, "commit">
  readonly #host: IntakeHost
  readonly #blame: Blame
  /** Pieces on their way to the disk. */
  #committing = 0
  readonly #onIdle: (() => void)[] = []
  #memoryFreed = false

  constructor(options: {
    table: PieceTable<Slot>
    store: Pick<PieceStore, "commit">
    hasher: Pick<Hasher, "digest">
    host: IntakeHost
  }) {
    this.#table = options.table
    this.#store = options.store
    this.#host = options.host
    this.#blame = new Blame(options.hasher)
  }

  /** A block begins to arrive: where its bytes go, or null when nobody needs them. */
  beginBlock(block: number, writer: Writer): Uint8Array | null {
    const { layout } = this.#table
    const open = this.#table.open.get(layout.pieceOfBlock(block))
    if (open === undefined) return null
    const destination = open.begin(layout.indexOfBlock(block), writer)
    this.#table.settle(open)
    return destination
  }

  /** All bytes of a block were written. False when they were not needed after all. */
  endBlock(block: number, writer: Writer, source: number): boolean {
    const { layout } = this.#table
    const open = this.#table.open.get(layout.pieceOfBlock(block))
    const index = layout.indexOfBlock(block)
    if (open === undefined || !open.end(index, writer, source)) return false
    this.#host.onBlockKept(block, source, open.copiesAsked(index))
    this.commitIfFull(open)
    return true
  }

  /** A source stops in the middle of a block. */
  abandonBlock(block: number, writer: Writer): void {
    const { layout } = this.#table
    const open = this.#table.open.get(layout.pieceOfBlock(block))
    if (open === undefined) return
    open.abandon(layout.indexOfBlock(block), writer)
    this.#table.settle(open)
  }

  /** A request for a block ended, answered or not. */
  unask(block: number): void {
    const { layout } = this.#table
    const open = this.#table.open.get(layout.pieceOfBlock(block))
    if (open === undefined) return
    open.unask(layout.indexOfBlock(block))
    this.#table.settle(open)
  }

  /** Whose blocks of a failed piece were wrong is not known. */
  isSuspect(piece: number): boolean {
    return this.#blame.isOpen(piece)
  }

  /** The hashes that the first blocks of a failed piece should have are known. */
  compareLeaves(piece: number, leaves: Uint8Array): void {
    for (const source of this.#blame.compare(piece, leaves)) this.#host.onGuilty(source, piece)
  }

  /** Sends a full piece to the store. */
  commitIfFull(open: OpenPiece<Slot>): void {
    if (!open.full) return
    this.#table.commit(open)
    void this.#commit(open)
  }

  /** Waits for all pieces that are on their way to the disk. */
  async idle(): Promise<void> {
    while (this.#committing > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve))
  }

  async #commit(open: OpenPiece<Slot>): Promise<void> {
    this.#committing++
    try {
      this.#settle(open, await this.#store.commit(open.piece, open.buffer))
    } catch (cause) {
      this.#host.onFault(bug(open.piece, cause))
    }
    this.#committing--
    if (this.#committing === 0) for (const resolve of this.#onIdle.splice(0)) resolve()
  }

  #settle(open: OpenPiece<Slot>, outcome: CommitOutcome): void {
    switch (outcome.kind) {
      case "stored": {
        const guilty = this.#blame.verified(open)
        const kept = this.#table.stored(open)
        for (const source of guilty) this.#host.onGuilty(source, open.piece)
        if (kept) this.#host.onPieceStored(open.piece)
        break
      }
      case "corrupt": {
        const guilty = this.#blame.rejected(open)
        this.#table.rejected(open)
        this.#host.onPieceCorrupt(open.piece, open.receivedBytes)
        for (const source of guilty) this.#host.onGuilty(source, open.piece)
        break
      }
      case "failed":
        this.#table.rejected(open)
        this.#host.onFault(outcome.error)
        break
    }
    this.#tellOfMemory()
  }

  /** Once for all that were settled in this turn. */
  #tellOfMemory(): void {
    if (this.#memoryFreed) return
    this.#memoryFreed = true
    queueMicrotask(() => {
      this.#memoryFreed = false
      this.#host.onMemoryFreed()
    })
  }
}

function bug(piece: number, cause: unknown): AtError {
  return new AtError("AT_BUG", `piece ${piece} could not be taken in: ${String(cause)}`, {
    hint: "please report this",
    cause,
  })
}
