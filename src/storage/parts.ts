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

/** What a check of data on the disk hears from its caller, and tells it. */
export interface CheckOptions {
  readonly signal?: AbortSignal | undefined
  readonly onChecking?: ((checkedBytes: number, totalBytes: number) => void) | undefined
}

/** Bytes of a digest (BEP 3). */
const SHA1_LENGTH = 20

/** The SHA-1 that a v1 piece should have. */
export function expectedDigest(metainfo: Metainfo, piece: number): Uint8Array {
  return metainfo.pieceHashes.subarray(SHA1_LENGTH * piece, SHA1_LENGTH * (piece + 1))
}

/** Whether the `index`-th of the digests, which lie one behind the other, is the one that the piece should have. */
export function isExpectedDigest(metainfo: Metainfo, piece: number, digests: Uint8Array, index: number): boolean {
  const { pieceHashes } = metainfo
  for (let i = 0; i < SHA1_LENGTH; i++) {
    if (digests[index * SHA1_LENGTH + i] !== pieceHashes[piece * SHA1_LENGTH + i]) return false
  }
  return true
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
