/** What a torrent is doing. */
export type TorrentState = "downloading" | "seeding" | "complete" | "stopped" | "failed"

/** The progress of a dataset at one moment. */
export interface ProgressSnapshot {
  /** The dataset's name on disk; until the metadata is there, words for what was asked for. */
  readonly name: string
  /** 40 hex digits (64 if the torrent is only v2); empty while the .torrent file of a URL has not arrived. */
  readonly infoHash: string
  /**
   * `metadata`: either a server has not answered for two seconds, and all numbers are 0; or the metadata comes from peers, and
   * the bytes and pieces are those of the metadata.
   */
  readonly state: "metadata" | "checking" | TorrentState
  /** Bytes of all pieces that contain parts of the selected files: a little more than the files. Padding is not counted. */
  readonly totalBytes: number
  /** How many of these bytes are verified and on disk (while `checking`: were checked). */
  readonly doneBytes: number
  /** The same numbers in pieces. */
  readonly totalPieces: number
  readonly donePieces: number
  /** Bytes per second, over the last seconds. */
  readonly downloadRate: number
  readonly uploadRate: number
  /** Seconds until it is complete at this rate; null when nothing arrives. */
  readonly eta: number | null
  /** Payload bytes received since the start, by where they came from. */
  readonly fromPeers: number
  readonly fromWebSeeds: number
  /** Payload bytes sent to others. */
  readonly uploaded: number
  /** Bytes received that were of no use: they came too late or twice, were wrong, or were given up. */
  readonly wasted: number
  /** How many peers are `connected`, how many of these are `seeds` (have everything), and how many addresses are `known`. */
  readonly peers: { readonly connected: number; readonly seeds: number; readonly known: number }
  /** How many web seeds are sending (`active`), can be used, and exist. */
  readonly webSeeds: { readonly active: number; readonly usable: number; readonly total: number }
  /**
   * Why nothing arrives, in a sentence; while `seeding`, that no tracker answers if nobody is connected. Null when there is
   * nothing to say.
   */
  readonly waitingFor: string | null
}

/** The figures of a dataset of which no payload moves, and of whose pieces nothing is known. */
export const NOTHING_MOVES = {
  totalPieces: 0,
  donePieces: 0,
  downloadRate: 0,
  uploadRate: 0,
  eta: null,
  fromPeers: 0,
  fromWebSeeds: 0,
  uploaded: 0,
  wasted: 0,
  peers: { connected: 0, seeds: 0, known: 0 },
  webSeeds: { active: 0, usable: 0, total: 0 },
  waitingFor: null,
} satisfies Partial<ProgressSnapshot>
