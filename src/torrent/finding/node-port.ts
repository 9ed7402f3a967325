import type { DhtLink } from "./discovery.js"

/** A peer as far as its DHT node is concerned. */
export interface NodePeer {
  readonly remote: { readonly host: string }
  /** It takes part in the DHT. */
  readonly dht: boolean
  sendPort(port: number): void
}

/**
 * Tells peers of our DHT node, each once (BEP 5, PORT). They may have been connected for long when it begins to answer: the
 * DHT is started when it is needed, and answers once we give.
 */
export class NodePort {
  readonly #link: DhtLink
  readonly #told = new WeakSet<NodePeer>()

  constructor(link: DhtLink) {
    this.#link = link
  }

  /** To be called several times a second with everyone who is connected. */
  tick(peers: Iterable<{ readonly session: NodePeer }>): void {
    for (const { session } of peers) {
      if (!session.dht || this.#told.has(session)) continue
      const port = this.#link.port(session.remote.host)
      if (port === undefined) continue
      this.#told.add(session)
      session.sendPort(port)
    }
  }
}
