import type { TorrentLayout } from "../metainfo/layout.js"
import type { Clock } from "../ports/clock.js"
import type { Connection } from "./connection.js"
import type { PeerHost } from "./peer-host.js"
import type { PeerState } from "./peer-state.js"

/** What all parts of a session work with. `Peer` is the session. */
export interface PeerLink<Peer extends PeerState> {
  readonly peer: Peer
  readonly host: PeerHost<Peer>
  readonly clock: Clock
  readonly layout: TorrentLayout
  readonly connection: Connection
}
