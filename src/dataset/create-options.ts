import type { ProgressSnapshot } from "../torrent/statistics/progress.js"

/** Options of `create`. */
export interface CreateOptions {
  /** The .torrent to write. */
  readonly output: string
  /** BEP 12: tiers in order. */
  readonly trackers?: readonly (readonly string[])[] | undefined
  /** Web seeds (BEP 19). */
  readonly urls?: readonly string[] | undefined
  /** Bytes: a power of two from 16 KiB to 256 MiB. Default: one that makes about 1,000 to 2,000 pieces. */
  readonly pieceLength?: number | undefined
  /**
   * `v1`: as BEP 3 says, which every client reads. `v2`: as BEP 52 says, with SHA-256, and hashes of each file of its own.
   * `hybrid`: both. Default: `v1`.
   */
  readonly version?: "v1" | "v2" | "hybrid" | undefined
  /** BEP 27. */
  readonly private?: boolean | undefined
  readonly comment?: string | undefined
  /** Replace `output` when it exists. Default: refuse. */
  readonly overwrite?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: ProgressSnapshot) => void) | undefined
}
