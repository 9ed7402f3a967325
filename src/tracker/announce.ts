import type { Endpoint } from "../ports/net.js"

/** What trackers are told where we listen nowhere: some refuse 0 (chihaya does), and libtorrent says 1 as well. */
export const NO_LISTEN_PORT = 1

/** What a tracker is told of the torrent at each announce. Bytes are those since the session started (BEP 3). */
export interface AnnounceStats {
  readonly uploaded: number
  readonly downloaded: number
  /** Bytes still wanted; 0 alone says "complete", so it must not be 0 while the length is unknown. */
  readonly left: number
  /** We lack some of it and want none of that (BEP 21). Default: false. */
  readonly partialSeed?: boolean
  /** Where we listen, or {@link NO_LISTEN_PORT}. */
  readonly port: number
  /** Peers wanted, 0 when full. */
  readonly numWant: number
}

export type AnnounceEvent = "none" | "started" | "completed" | "stopped"

/** One announce, whatever the protocol. */
export interface AnnounceRequest {
  /** 20 bytes. */
  readonly infoHash: Uint8Array
  /** 20 bytes. */
  readonly peerId: Uint8Array
  /** 32 bits that stay the same for all announces of a torrent, so that a tracker knows us by them (BEP 7). */
  readonly key: number
  readonly event: AnnounceEvent
  readonly stats: AnnounceStats
  /** What this tracker asked to be sent back. */
  readonly trackerId?: Uint8Array | undefined
}

/** A tracker's answer. Absent is what it did not say, or said in a form that means nothing. */
export interface AnnounceAnswer {
  readonly peers: readonly Endpoint[]
  /** Seconds, at least 0; as the tracker said, which may be absurd. */
  readonly interval?: number | undefined
  /** Seconds, at least 0; as the tracker said, which may be absurd. */
  readonly minInterval?: number | undefined
  readonly seeds?: number | undefined
  readonly leechers?: number | undefined
  readonly warning?: string | undefined
  readonly trackerId?: Uint8Array | undefined
  /** Our own address as the tracker sees it (BEP 24). */
  readonly externalAddress?: string | undefined
}

/** Hears how an announce goes, besides its outcome. */
export interface AnnounceListener {
  /** It goes out now: it may have waited for others to the same host. */
  onSent(): void
  /** What a tracker's second address answers after the first has. */
  onLate(answer: AnnounceAnswer): void
}

/** A tracker that refuses us without a word on when to come back is not asked again for so long, ms. */
export const REFUSED_WAIT = 5 * 60_000

/**
 * When a tracker that failed wants to be asked again: milliseconds from now, or never (BEP 31), or later, without a word on
 * when: not before {@link REFUSED_WAIT}.
 */
export type RetryWish = number | "never" | "later"

/** The tracker could not be had, or said no. `message` is meant for the user; it may be a stranger's text. */
export interface TrackerFailure {
  readonly kind: "failed"
  readonly message: string
  readonly retry?: RetryWish | undefined
}

export type AnnounceOutcome = { readonly kind: "answered"; readonly answer: AnnounceAnswer } | TrackerFailure

/** How many peers know the torrent (BEP 48). Null is what the tracker did not say. */
export interface ScrapeCounts {
  readonly seeds: number | null
  readonly leechers: number | null
  /** How often it was downloaded to the end. */
  readonly downloads: number | null
}

export type ScrapeOutcome = { readonly kind: "answered"; readonly counts: ScrapeCounts } | TrackerFailure

/** A tracker's words to the user are cut here. */
const MAX_MESSAGE = 300

/** A tracker's words, cut to a bearable length; undefined when there are none. */
export function messageText(text: string | undefined): string | undefined {
  const trimmed = text?.slice(0, MAX_MESSAGE).trim()
  return trimmed === "" ? undefined : trimmed
}

export function failed(message: string, retry?: RetryWish): TrackerFailure {
  return { kind: "failed", message, retry }
}
