import { Bitfield } from "../bytes/bitfield.js"
import { AtError } from "../errors.js"
import type { DataFile } from "./data-file.js"
import type { StoreParts } from "./parts.js"
import { digestingOf, digestPieces, isExpected } from "./piece-digests.js"

/** Who keeps the books on what is there. */
export interface LossListener {
  /** It does not hash right, or is not there. */
  onPieceLost(piece: number): void
  /** Nothing stands at the file's place any more. */
  onFileGone(file: DataFile): void
  /** Somebody else wrote to it. */
  onFileDoubtful(file: DataFile): void
}

/**
 * Reads verified pieces, and notices when they are not what was verified: a file that was changed since is believed
 * piece by piece, each hashed before its next use.
 */
export class VerifiedReader {
  readonly #parts: StoreParts
  readonly #listener: LossListener
  readonly #suspects: Bitfield
  /** Ends with the checks that were asked for. */
  #turn: Promise<unknown> = Promise.resolve()
  /**
   * What pieces are hashed in, one after the other, while there are suspects. Not one for each: how much shared memory waits
   * to be collected is nothing that V8 counts, so it may come to gigabytes.
   */
  #memory: Uint8Array | undefined

  constructor(parts: StoreParts, listener: LossListener) {
    this.#parts = parts
    this.#listener = listener
    this.#suspects = new Bitfield(parts.metainfo.layout.pieceCount)
  }

  /** Rejects with AtError `AT_CORRUPT` when the piece turns out to be lost. */
  async read(piece: number, begin: number, into: Uint8Array): Promise<void> {
    const { metainfo, have } = this.#parts
    const { layout } = metainfo
    if (!layout.checkRange(piece, begin, into.length)) {
      throw new AtError("AT_BUG", `no such bytes: ${into.length} from ${begin} of piece ${piece}`, {
        hint: "please report this",
      })
    }
    if (!have.has(piece)) throw lostPiece(piece)
    if (!this.#suspects.has(piece) && (await this.#readAtOnce(piece, begin, into))) return
    const checked = this.#turn.then(() => this.#readChecked(piece, begin, into))
    this.#turn = checked.catch(() => {})
    if (!(await checked)) throw lostPiece(piece)
  }

  /** False when not all bytes could be had, or some may not be as they were. */
  async #readAtOnce(piece: number, begin: number, into: Uint8Array): Promise<boolean> {
    const { metainfo, files } = this.#parts
    const problems = await files.readSpan(metainfo.layout.pieceOffset(piece) + begin, into)
    for (const { kind, file } of problems) if (kind === "changed" && file !== undefined) await this.#doubt(file)
    // Another read may have noted meanwhile what the file looks like now: then it looks unchanged.
    return problems.length === 0 && !this.#suspects.has(piece)
  }

  /** Hashes the whole piece again, unless that was done meanwhile. False when it is lost. */
  async #readChecked(piece: number, begin: number, into: Uint8Array): Promise<boolean> {
    const { metainfo, files, platform, have } = this.#parts
    const { layout } = metainfo
    if (!have.has(piece)) return false
    if (!this.#suspects.has(piece) && (await this.#readAtOnce(piece, begin, into))) return true
    this.#memory ??= new Uint8Array(new SharedArrayBuffer(Math.min(layout.pieceLength, layout.length)))
    const bytes = this.#memory.subarray(0, layout.pieceSize(piece))
    const problems = await files.readSpan(layout.pieceOffset(piece), bytes)
    const holes = problems.filter(({ kind }) => kind !== "changed")
    const digesting = digestingOf(metainfo, platform.hasher)
    const right =
      holes.length === 0 && isExpected(metainfo, digesting, piece, await digestPieces(digesting, [piece], [bytes]))
    this.#suspects.delete(piece)
    if (this.#suspects.count === 0) this.#memory = undefined
    for (const { file } of holes)
      if (file !== undefined && (await isGone(file, this.#parts))) this.#listener.onFileGone(file)
    if (right) into.set(bytes.subarray(begin, begin + into.length))
    else this.#listener.onPieceLost(piece)
    return right
  }

  async #doubt(file: DataFile): Promise<void> {
    const { layout } = this.#parts.metainfo
    const { first, end } = layout.piecesOfFile(file.index)
    file.stamp = await this.#parts.files.stampNow(file)
    for (let piece = first; piece < end; piece++) if (this.#parts.have.has(piece)) this.#suspects.add(piece)
    this.#listener.onFileDoubtful(file)
  }
}

/** Whether nothing stands where a file is due, or another one than ours. */
export async function isGone(file: DataFile, { files }: StoreParts): Promise<boolean> {
  if (file.place === "none") return false
  const now = await files.stampNow(file).catch(() => file.stamp)
  return now === undefined || (file.inode !== undefined && now.inode !== file.inode)
}

function lostPiece(piece: number): AtError {
  return new AtError("AT_CORRUPT", `piece ${piece} on the disk is no longer as it was verified`, {
    hint: "another program changed the files: get the dataset again to repair them",
  })
}
