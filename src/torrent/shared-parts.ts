import type { Platform } from "../ports/platform.js"
import type { TrackerClient } from "../tracker/tracker-client.js"
import type { EncryptionPolicy } from "../wire/encryption-policy.js"
import type { ConnectionBudget } from "./finding/connection-budget.js"
import type { DhtLink, Discovery } from "./finding/discovery.js"
import type { ExternalAddress } from "./finding/external-address.js"

/** What the torrents and fetches of one process share. */
export interface SharedParts {
  readonly platform: Platform
  /** Of connections that begin now: it becomes another where it stands when we get into another network. */
  readonly peerId: Uint8Array
  readonly clientVersion: string
  readonly budget: ConnectionBudget
  readonly encryption: EncryptionPolicy
  /** Where peers are found beside trackers. Not asked for a private torrent (BEP 27). */
  readonly discoveries?: readonly Discovery[]
  readonly dht?: DhtLink | undefined
  readonly trackerClient: TrackerClient
  readonly external: ExternalAddress
}
