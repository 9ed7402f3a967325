import type { ProgressSnapshot } from "../torrent/statistics/progress.js"

/** Options of `create`; only `output` is needed. */
export interface CreateOptions {
  /** The path of the .torrent file to write. */
  readonly output: string
  /** The URLs of trackers, as a list of tiers (BEP 12). Default: none. */
  readonly trackers?: readonly (readonly string[])[] | undefined
  /** Web seeds (BEP 19): URLs of the file or, for a folder, of the folder that contains it, ending in `/`. Default: none. */
  readonly urls?: readonly string[] | undefined
  /** In bytes: a power of two from 16 KiB to 256 MiB. Default: chosen to make about 1,000 to 2,000 pieces. */
  readonly pieceLength?: number | undefined
  /**
   * `v1` (BEP 3): every client can read it. `v2` (BEP 52): uses SHA-256, and each file has a hash of its own. `hybrid`: both in one,
   * with padding between the files. Default: `v1`.
   */
  readonly version?: "v1" | "v2" | "hybrid" | undefined
  /** True: peers come only from the torrent's trackers (BEP 27). Default: false. */
  readonly private?: boolean | undefined
  /** A text that is stored in the .torrent file. */
  readonly comment?: string | undefined
  /** True: replace `output` if it exists. Default: false, which fails with `AT_EXISTS`. */
  readonly overwrite?: boolean | undefined
  /** Stops the call, which then rejects with `AT_ABORTED`; no .torrent file is written. */
  readonly signal?: AbortSignal | undefined
  /** Called about four times a second while the data is read. */
  readonly onProgress?: ((progress: ProgressSnapshot) => void) | undefined
}
