import type { TorrentLayout } from "../metainfo/layout.js"
import type { Clock } from "../ports/clock.js"
import type { Introduction } from "./extensions.js"
import type { PeerHost } from "./peer-host.js"

/** What a connection to a peer begins with: the torrent, and what we are. `Peer` is the session. */
export interface PeerSessionOptions<Peer> extends Introduction {
  /** Hears what the peer says, and decides. */
  readonly host: PeerHost<Peer>
  readonly clock: Clock
  readonly layout: TorrentLayout
  /** 20 bytes; of a hybrid, of v1. */
  readonly infoHash: Uint8Array
  /** The first 20 bytes of the torrent's v2 infohash, if it has one (BEP 52). */
  readonly infoHashV2?: Uint8Array | undefined
  /** Which of them our handshake names when we open the stream. Default: `infoHash`. */
  readonly opensWith?: Uint8Array | undefined
  /** Ours, 20 bytes. */
  readonly peerId: Uint8Array
  readonly direction: "outgoing" | "incoming"
  /** Say that we take part in the DHT (BEP 5). */
  readonly dht?: boolean
  /** What was read from an accepted connection before its torrent was known. */
  readonly received?: Uint8Array
  /**
   * The connection was used to fetch the metadata: our handshake, with this infohash, and "have none" were sent, `received`
   * is what it said.
   */
  readonly adopted?: Uint8Array
}
