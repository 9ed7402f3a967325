import type { TorrentVersion } from "../metainfo/metainfo.js"

export type { TorrentVersion }

/** What a dataset's .torrent file says, checked and made safe. Of its files, `dataset.files` tells. */
export interface DatasetMetainfo {
  readonly version: TorrentVersion
  /** SHA-1 of the raw bytes of `info` (BEP 3): 20 bytes. Of a v2 torrent: the first 20 of `infoHashV2` (BEP 52). */
  readonly infoHash: Uint8Array
  /** SHA-256 of the same for a v2 or hybrid torrent (BEP 52): 32 bytes; null for v1. */
  readonly infoHashV2: Uint8Array | null
  /** The raw bytes of `info`. */
  readonly infoBytes: Uint8Array
  readonly kind: "file" | "folder"
  readonly layout: {
    /** Bytes in each piece but the last. */
    readonly pieceLength: number
    readonly pieceCount: number
  }
  /** Peers come from its trackers alone (BEP 27). */
  readonly private: boolean
  /** Tiers in order (BEP 12), without duplicates. */
  readonly trackers: readonly (readonly string[])[]
  /** URLs as written (BEP 19), without duplicates. */
  readonly webSeeds: readonly string[]
  readonly comment: string | null
  readonly createdBy: string | null
  /** Seconds since 1970. */
  readonly creationDate: number | null
}
