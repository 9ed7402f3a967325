import { Choker } from "../peer/choker.js"
import type { PeerSource } from "./peer-source.js"
import type { Uploads } from "./uploads.js"

/** Puts the choker's choice into effect. */
export class Choking {
  readonly #choker = new Choker()
  readonly #uploads: Uploads

  constructor(uploads: Uploads) {
    this.#uploads = uploads
  }

  rechoke(peers: readonly PeerSource[], options: { now: number; seeding: boolean }): void {
    const unchoked = this.#choker.choose(
      peers.map(({ id, session }) => ({
        id,
        interested: session.peerInterested,
        choked: session.amChoking,
        snubbed: session.snubbed,
        downloadRate: session.downloadRate(options.now),
        uploaded: session.uploaded,
      })),
      options,
    )
    for (const peer of peers) {
      const { id, session } = peer
      if (unchoked.has(id)) {
        if (session.amChoking) peer.requested(options.now)
        session.unchoke()
      } else if (!session.amChoking) {
        session.choke()
        this.#uploads.choked(session)
      }
    }
  }
}
