/** What a torrent is doing. */
export type TorrentState = "downloading" | "seeding" | "complete" | "stopped" | "failed"

/** Where a dataset stands at one moment. */
export interface ProgressSnapshot {
  readonly name: string
  /** 40 hex digits; empty while it is not known: the .torrent of a URL is on its way. */
  readonly infoHash: string
  /** `metadata`: a server has not answered for two seconds (then all is 0), or it is being fetched from peers, and the bytes and pieces are those of the metadata. */
  readonly state: "metadata" | "checking" | TorrentState
  /** Bytes of the pieces that the selected files lie in: a little more than the files. */
  readonly totalBytes: number
  /** Bytes of these that are verified and on disk (while `checking`: bytes looked at). */
  readonly doneBytes: number
  /** The same in pieces. */
  readonly totalPieces: number
  readonly donePieces: number
  /** Bytes a second, over the last seconds. */
  readonly downloadRate: number
  readonly uploadRate: number
  /** Seconds until it is complete at this rate; null when nothing arrives. */
  readonly eta: number | null
  /** Payload bytes received since the start, by where they came from. */
  readonly fromPeers: number
  readonly fromWebSeeds: number
  /** Payload bytes sent to others. */
  readonly uploaded: number
  /** Bytes received that were of no use: late, doubled, wrong, given up. */
  readonly wasted: number
  /** Peers we are connected to, those of them that have everything, and addresses known. */
  readonly peers: { readonly connected: number; readonly seeds: number; readonly known: number }
  /** Web seeds that are sending, those that can be used, and all. */
  readonly webSeeds: { readonly active: number; readonly usable: number; readonly total: number }
  /** Why nothing arrives, in a sentence; null while something does. */
  readonly waitingFor: string | null
}

/** The figures of a dataset of which no payload moves. */
export const NOTHING_MOVES = {
  downloadRate: 0,
  uploadRate: 0,
  eta: null,
  fromPeers: 0,
  fromWebSeeds: 0,
  uploaded: 0,
  wasted: 0,
  webSeeds: { active: 0, usable: 0, total: 0 },
} satisfies Partial<ProgressSnapshot>
