import type { Metainfo } from "../metainfo/metainfo.js"
import type { Endpoint } from "../ports/net.js"
import type { Platform } from "../ports/platform.js"
import type { PieceStore } from "../storage/piece-store.js"
import type { TrackerClient } from "../tracker/tracker-client.js"
import type { EncryptionPolicy } from "../wire/encryption-policy.js"
import type { ConnectionBudget } from "./finding/connection-budget.js"
import type { DhtLink, Discovery } from "./finding/discovery.js"
import type { ExternalAddress } from "./finding/external-address.js"
import type { SuperSeeding } from "./giving/super-seeding.js"
import type { Handover } from "./metadata/metadata-fetch.js"
import type { RateLimit } from "./rate-limit.js"

export interface TorrentOptions {
  readonly platform: Platform
  readonly metainfo: Metainfo
  /** Open; the torrent closes it. */
  readonly store: PieceStore
  readonly peerId: Uint8Array
  readonly clientVersion: string
  /** Where we listen; undefined when we do not. */
  readonly listenPort: number | undefined
  readonly trackers: readonly (readonly string[])[]
  readonly webSeeds: readonly string[]
  readonly peers: readonly Endpoint[]
  /** False: no peer exchange, and no hole punching. */
  readonly pex?: boolean | undefined
  /** The network connects by uTP, too. */
  readonly utp: boolean
  /** What the fetch of the metadata left. */
  readonly handover?: Handover | undefined
  /** Where peers are found beside trackers. None for a private torrent (BEP 27). */
  readonly discoveries?: readonly Discovery[]
  readonly dht?: DhtLink | undefined
  readonly downloadLimit: RateLimit
  readonly uploadLimit: RateLimit
  readonly budget: ConnectionBudget
  readonly encryption: EncryptionPolicy
  readonly trackerClient: TrackerClient
  readonly external: ExternalAddress
  /** Peers at a time. Default: 80. */
  readonly maxPeers?: number | undefined
  /** False: only give what is there. */
  readonly fetch: boolean
  /** Go on giving when all is there. */
  readonly seed: boolean
  /** Makes what shows peers one piece after the other (BEP 16). Undefined: they are told at once what we have. */
  readonly superSeeding?: typeof SuperSeeding | undefined
}
