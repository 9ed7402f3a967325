import type { Metainfo } from "../metainfo/metainfo.js"
import type { AcquireLock } from "../ports/lock.js"
import { Journal, type JournalOptions } from "./journal.js"
import { PieceState } from "./journal-state.js"
import { journalPlace } from "./open-store.js"
import type { StoragePlatform } from "./parts.js"
import { stateDirectory } from "./state-directory.js"

/** A dataset in a datastore, whose journal may be told what a check finds. */
export interface DamagePlace {
  readonly platform: StoragePlatform
  readonly metainfo: Metainfo
  /** Absolute. */
  readonly datastore: string
  /** How the dataset's lock is taken; it is held for the moment that the journal is written to. */
  readonly takeLock: AcquireLock
}

/**
 * What a check that only reads finds damaged, for the journal, which would go on calling it good: the next run believes it
 * unread. Where the journal can't be written to, or somebody is at work on the dataset, it stays as it is, and the log says so.
 */
export class DamageRecord {
  readonly #place: DamagePlace
  readonly #journalOptions: JournalOptions
  /** What was claimed before the check: what others wrote since may be right by now. */
  readonly #claimed: (piece: number) => boolean

  private constructor(place: DamagePlace, journalOptions: JournalOptions, before: Journal | undefined) {
    this.#place = place
    this.#journalOptions = journalOptions
    this.#claimed = (piece) => before !== undefined && before.state.pieces[piece] !== PieceState.absent
  }

  /** To be called before anything is hashed. */
  static async begin(place: DamagePlace): Promise<DamageRecord> {
    const { platform, metainfo, datastore } = place
    const { disk } = platform
    const options = { ...(await journalPlace(disk, metainfo, stateDirectory(datastore, metainfo.infoHash))), disk }
    return new DamageRecord(place, options, await Journal.read(options).catch(() => undefined))
  }

  /** These pieces are not as the torrent has them. Never rejects. */
  async keep(wrong: Iterable<number>): Promise<void> {
    const pieces = [...wrong].filter(this.#claimed)
    if (pieces.length === 0) return
    const { platform, takeLock } = this.#place
    try {
      const lock = await takeLock(`${this.#journalOptions.folder}/lock`)
      try {
        await this.#disclaim(pieces)
      } finally {
        await lock.release()
      }
    } catch (error) {
      platform.log.log("warn", "storage", `the journal goes on claiming what is damaged: ${String(error)}`)
    }
  }

  async #disclaim(pieces: readonly number[]): Promise<void> {
    const journal = await Journal.read(this.#journalOptions)
    if (journal === undefined) return
    const { clean, bootId } = journal.state
    // What it says of an earlier start of the machine is not ours to vouch for.
    const isSound = clean && bootId !== "" && bootId === this.#journalOptions.bootId
    for (const piece of pieces) journal.setPiece(piece, PieceState.absent)
    try {
      if (isSound) await journal.markClean()
      await journal.sync()
    } finally {
      await journal.close()
    }
  }
}
