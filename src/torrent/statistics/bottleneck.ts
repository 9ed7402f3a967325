/**
 * What a download waits for at one moment:
 * - `limit`: the download is as fast as our own limit allows;
 * - `noSlot`: a source could send more, but all memory is in use by pieces being filled, hashed and written;
 * - `windowFull`: a peer has as many open requests as it can answer: the network or the peer sets the pace;
 * - `webSeed`: web seeds are sending, or were asked to, and no peer's window is full;
 * - `ending`: everything missing has been requested, but has not arrived yet;
 * - `storing`: everything has arrived, and the last of it is being hashed and written;
 * - `idle`: no source has what is missing, or none sends it;
 * - `other`: more could be requested: the download is starting, or this program is busy.
 */
export type Bottleneck = (typeof BOTTLENECKS)[number]

export const BOTTLENECKS = ["limit", "noSlot", "windowFull", "webSeed", "ending", "storing", "idle", "other"] as const

/** How a download stands at one moment. */
export interface Moment {
  /** Sources are held up until our download limit allows more. */
  readonly limited: boolean
  /** A further piece may be opened. */
  readonly memoryLeft: boolean
  /** Pieces are missing that are not open yet. */
  readonly missing: boolean
  /** Open pieces have blocks that a peer may be asked for. */
  readonly requestable: boolean
  /** Pieces are open. */
  readonly open: boolean
  /** A peer has room for requests. */
  readonly peerHasRoom: boolean
  /** A peer's window of requests is full. */
  readonly peerIsFull: boolean
  /** A peer has requests to answer. */
  readonly peerIsAsked: boolean
  /** Web seeds' runs under way, and those of them that wait for memory. */
  readonly runs: number
  readonly waitingRuns: number
}

/** What the download waits for: the first cause that holds. */
export function bottleneck(moment: Moment): Bottleneck {
  if (moment.limited) return "limit"
  const starved = moment.waitingRuns > 0 || (moment.peerHasRoom && moment.missing && !moment.requestable)
  if (starved && !moment.memoryLeft) return "noSlot"
  if (!moment.missing && !moment.requestable && moment.runs === 0) return moment.open ? "ending" : "storing"
  if (moment.peerIsFull) return "windowFull"
  if (moment.runs > 0) return "webSeed"
  return moment.peerIsAsked ? "other" : "idle"
}
