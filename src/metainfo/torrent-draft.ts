import type { FileHashes } from "./file-hashes.js"

/** A file of a new torrent, or padding (BEP 47), whose path is not used. */
export interface DraftFile {
  readonly path: readonly string[]
  readonly length: number
  readonly padding?: boolean
}

/** What a new torrent is made of. */
export interface TorrentDraft {
  readonly name: string
  readonly kind: "file" | "folder"
  /**
   * In torrent order, the order in which the piece hashes run over their bytes: `compareFilePaths` gives the usual one,
   * `compareTreePaths` the one that BEP 52 asks for. For `kind` `file`: one, whose path is not used.
   */
  readonly files: readonly DraftFile[]
  /** Bytes, 1 or more; by BEP 52 a power of two, 16 KiB or more. */
  readonly pieceLength: number
  /** SHA-1 of each piece, 20 bytes each, one after the other. Absent for a torrent of BEP 52 alone. */
  readonly pieceHashes?: Uint8Array | undefined
  /** Those of each of `files` by BEP 52, undefined for empty files and padding. Absent for a v1 torrent. */
  readonly fileHashes?: readonly (FileHashes | undefined)[] | undefined
  /** BEP 27: peers come from the trackers alone. Left out of `info` when false, so that it does not change the infohash. */
  readonly private?: boolean
  /** BEP 12: tiers in order. */
  readonly trackers?: readonly (readonly string[])[]
  /** BEP 19. */
  readonly webSeeds?: readonly string[]
  readonly comment?: string | undefined
  readonly createdBy?: string
  /** Seconds since 1970. */
  readonly creationDate?: number
}
