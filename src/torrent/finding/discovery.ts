import type { Endpoint } from "../../ports/net.js"

/** A torrent whose peers are to be found. */
export interface Wanted {
  /** 20 bytes. */
  readonly infoHash: Uint8Array
  onPeers(peers: readonly Endpoint[]): void
}

/** A search under way. It goes on, and tells others of us, until it is closed. */
export interface Search {
  /** Whether somebody may yet be found. */
  readonly hopeful: boolean
  /** How it stands, in a few words. */
  readonly status: string
  /** Peers are needed: look again as soon as is decent. */
  soon(): void
  close(): void
}

/** Where peers are found without a tracker: the DHT, the local network. One of each kind serves all torrents. */
export interface Discovery {
  readonly origin: "dht" | "lsd"
  /** A download that gets on well looks here, too, after so many ms. */
  readonly after: number
  search(wanted: Wanted): Search
}

/** How peers of a torrent tell each other of their DHT nodes (BEP 5). */
export interface DhtLink {
  /** Our node's port in the network of an address; undefined when it is to be asked nothing. */
  port(host: string): number | undefined
  /** A peer's node is there, it says. */
  nodeAt(endpoint: Endpoint): void
}
