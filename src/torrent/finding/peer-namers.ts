import { parseIp } from "../../bytes/ip.js"
import type { Endpoint } from "../../ports/net.js"
import type { Platform } from "../../ports/platform.js"
import { type AnnounceStats, NO_LISTEN_PORT } from "../../tracker/announce.js"
import { Announcers } from "../../tracker/announcers.js"
import type { TrackerClient } from "../../tracker/tracker-client.js"
import { Discoveries } from "./discoveries.js"
import type { Discovery } from "./discovery.js"
import type { ExternalAddress } from "./external-address.js"

export interface PeerNamersOptions {
  readonly platform: Platform
  readonly trackerClient: TrackerClient
  readonly trackers: readonly (readonly string[])[]
  readonly discoveries: readonly Discovery[]
  /** What the torrent is known by, 20 bytes. */
  readonly infoHash: Uint8Array
  /** What a hybrid is known by besides (BEP 52). */
  readonly secondInfoHash: Uint8Array | undefined
  readonly peerId: Uint8Array
  readonly isPrivate: boolean
  /** Those that announced it while its metadata was fetched. */
  readonly before?: Announcers | undefined
  /** Hears what trackers take for our address, and knows the port that they are told. */
  readonly external: ExternalAddress
  /** What trackers are told besides where we listen. */
  readonly stats: () => Omit<AnnounceStats, "port">
  /** `second`: they were named to who asked for {@link secondInfoHash}. */
  onPeers(endpoints: readonly Endpoint[], origin: "tracker" | Discovery["origin"], second: boolean): void
}

/** Makes those who name a torrent's peers: its trackers, and the searches of what serves all torrents. */
export function makePeerNamers(options: PeerNamersOptions): { announcer: Announcers; discoveries: Discoveries } {
  const { platform, infoHash, secondInfoHash, external } = options
  const infoHashes = secondInfoHash === undefined ? [infoHash] : [infoHash, secondInfoHash]
  const announcer = new Announcers({
    platform,
    client: options.trackerClient,
    trackers: options.trackers,
    infoHashes,
    // A copy: a tracker would take us for somebody else under another.
    peerId: options.peerId.slice(),
    key: platform.random.below(0xffffffff),
    isPrivate: options.isPrivate,
    before: options.before,
    hostOf: (named) => ({
      // They name us by IPv4 mostly, and have one number for both.
      stats: () => ({ ...options.stats(), port: external.port(4) ?? NO_LISTEN_PORT }),
      onPeers: (endpoints) => options.onPeers(endpoints, "tracker", named === secondInfoHash),
      onExternalAddress: (address, tracker) => {
        const bytes = parseIp(address)
        if (bytes !== undefined) external.vote(new URL(tracker).hostname, bytes)
      },
    }),
  })
  const discoveries = new Discoveries({
    // BEP 27: peers of a private torrent come from its trackers alone.
    discoveries: options.isPrivate ? [] : options.discoveries,
    infoHashes,
    onPeers: (endpoints, origin, named) => options.onPeers(endpoints, origin, named === secondInfoHash),
  })
  return { announcer, discoveries }
}
