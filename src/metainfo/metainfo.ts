import type { FileNodes } from "./file-nodes.js"
import type { TorrentLayout } from "./layout.js"

/** Which hashes a torrent has: of BEP 3, of BEP 52, or both. */
export type TorrentVersion = "v1" | "v2" | "hybrid"

/** What a .torrent says, checked and made safe. */
export interface Metainfo {
  /** SHA-1 of the raw bytes of `info` (BEP 3): 20 bytes. Of a v2 torrent: the first 20 of `infoHashV2` (BEP 52). */
  readonly infoHash: Uint8Array
  readonly version: TorrentVersion
  /** SHA-256 of the same for a v2 or hybrid torrent (BEP 52): 32 bytes; null for v1. */
  readonly infoHashV2: Uint8Array | null
  /** The raw bytes of `info`, as peers ask for them (BEP 9). */
  readonly infoBytes: Uint8Array
  /** Safe name of the file or folder below the datastore. */
  readonly name: string
  readonly kind: "file" | "folder"
  readonly layout: TorrentLayout
  /** 20 bytes a piece, one after the other; empty for a v2 torrent. */
  readonly pieceHashes: Uint8Array
  /** What pieces and files should hash to by BEP 52; null for v1. */
  readonly fileNodes: FileNodes | null
  readonly private: boolean
  /** BEP 12: tiers in order; empty strings and tiers dropped, duplicates removed. */
  readonly trackers: readonly (readonly string[])[]
  /** BEP 19 `url-list`, as written, http and https alone, duplicates removed. */
  readonly webSeeds: readonly string[]
  /**
   * The files whose path the author wrote otherwise than it stands in `layout.files`, by their index: its elements as he wrote them.
   * `rawPath` and `rawElements` have it for all files.
   */
  readonly renamed: ReadonlyMap<number, readonly string[]>
  /** As the author wrote it, for the URLs of web seeds. */
  readonly rawName: string
  readonly comment: string | null
  readonly createdBy: string | null
  /** Seconds since 1970. */
  readonly creationDate: number | null
}
