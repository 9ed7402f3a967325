import type { Metainfo } from "../metainfo/metainfo.js"
import type { Endpoint } from "../ports/net.js"
import type { PieceStore } from "../storage/piece-store.js"
import type { SuperSeeding } from "./giving/super-seeding.js"
import type { Handover } from "./metadata/metadata-fetch.js"
import type { RateLimit } from "./rate-limit.js"
import type { SharedParts } from "./shared-parts.js"

/** What a torrent is at work for. */
export interface Purpose {
  /** The selected files are to be had. False: only what readers wait for. */
  readonly fetch: boolean
  /** Go on giving when all is there. */
  readonly seed: boolean
}

/** Whom a torrent asks. */
export interface Sources {
  readonly trackers: readonly (readonly string[])[]
  readonly webSeeds: readonly string[]
  /** The web seeds that the user named: these alone may have public names that lead to private addresses. */
  readonly urls?: readonly string[] | undefined
  readonly peers: readonly Endpoint[]
  /** Which others were named and are not used, and why: a sentence each. */
  readonly unusable?: readonly string[] | undefined
}

/** The purpose and the sources are those of its start. */
export interface TorrentOptions extends SharedParts, Purpose, Sources {
  readonly metainfo: Metainfo
  /** Open; the torrent closes it. */
  readonly store: PieceStore
  /** False: no peer exchange, and no hole punching. */
  readonly pex?: boolean | undefined
  /** The network connects by uTP, too. */
  readonly utp: boolean
  /** What the fetch of the metadata left. */
  readonly handover?: Handover | undefined
  readonly downloadLimit: RateLimit
  readonly uploadLimit: RateLimit
  /** Peers at a time. Default: 80. */
  readonly maxPeers?: number | undefined
  /** It is to go on giving: from the start on, or from now on. */
  readonly onSeed: () => void
  /** Makes what shows peers one piece after the other (BEP 16). Undefined: they are told at once what we have. */
  readonly superSeeding?: typeof SuperSeeding | undefined
}
