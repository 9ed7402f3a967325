import { Bitfield } from "../bytes/bitfield.js"

/** How far a piece is, in the order in which it gets there. */
export const PieceState = {
  /** Nothing is claimed. */
  absent: 0,
  /** Its bytes may be on their way into the files. */
  begun: 1,
  /** Hashed right and handed to the operating system: outlives the process, as long as the disk stays with the machine. */
  written: 2,
  /** On the disk itself: outlives the machine's power. */
  done: 3,
} as const

export type PieceState = (typeof PieceState)[keyof typeof PieceState]

/** What a file looks like: whoever writes to it, or puts another in its place, changes that. */
export interface Stamp {
  readonly size: number
  readonly mtimeNs: bigint
  readonly inode: bigint
}

/** What a file looked like when we last let go of it. */
export interface FileStamp extends Stamp {
  /** Under which name it stood: `final`, or `part` with `.part` behind. */
  readonly place: "part" | "final"
  /** When it was made: its inode's number may be another file's by now. 0n: unknown. */
  readonly bornNs: bigint
}

/** All that a journal says. */
export class JournalState {
  /** A {@link PieceState} each. */
  readonly pieces: Uint8Array
  /** Files whose path was free when we came, or that we made: we may write them. */
  readonly ours: Bitfield
  /** Files whose bytes stand at their own path; those of other files' shared pieces stand in `edges/`. */
  readonly home: Bitfield
  /** Of the files that were not written to since. */
  readonly stamps = new Map<number, FileStamp>()
  /** The machine's start during which it was last written; "" when unknown. */
  bootId = ""
  /** Nothing happened after the last orderly close. */
  clean = false

  constructor(pieceCount: number, fileCount: number) {
    this.pieces = new Uint8Array(pieceCount)
    this.ours = new Bitfield(fileCount)
    this.home = new Bitfield(fileCount)
  }
}
