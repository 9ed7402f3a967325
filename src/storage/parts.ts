import type { Bitfield } from "../bytes/bitfield.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import type { Platform } from "../ports/platform.js"
import type { DataFiles } from "./data-files.js"
import type { Durability } from "./durability.js"
import type { FilePool } from "./file-pool.js"
import type { Journal } from "./journal.js"

/** What storage needs of the machine. */
export type StoragePlatform = Pick<Platform, "clock" | "random" | "disk" | "hasher" | "log">

/** What a store is made of. */
export interface StoreParts {
  readonly platform: StoragePlatform
  readonly metainfo: Metainfo
  readonly files: DataFiles
  readonly pool: FilePool
  /** Verified pieces. */
  readonly have: Bitfield
}

/** What a store has besides when it may write. */
export interface WritingParts extends StoreParts {
  readonly journal: Journal
  readonly durability: Durability
}

/** What a store has besides when it only reads, and may have to look further. */
export interface ReadingParts extends StoreParts {
  /** Hashes those of the pieces that were not looked at, and takes what is right. */
  readonly check: (pieces: Iterable<number>) => Promise<void>
  /** Other files are wanted from now on (indexes); absent: all. Their pieces are checked. */
  readonly select: (selected: ReadonlySet<number> | undefined) => Promise<void>
}

/** What a check of data on the disk hears from its caller, and tells it. */
export interface CheckOptions {
  readonly signal?: AbortSignal | undefined
  readonly onChecking?: ((checkedBytes: number, totalBytes: number) => void) | undefined
}
