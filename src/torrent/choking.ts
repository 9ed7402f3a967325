import type { Bitfield } from "../bytes/bitfield.js"
import { Choker } from "../peer/choker.js"
import type { PeerSession } from "../peer/peer-session.js"
import type { PeerSource } from "./peer-source.js"
import type { Uploads } from "./uploads.js"

/** Puts the choker's choice into effect. */
export class Choking {
  readonly #choker = new Choker()
  readonly #uploads: Pick<Uploads, "choked">
  readonly #have: Bitfield

  constructor(uploads: Pick<Uploads, "choked">, have: Bitfield) {
    this.#uploads = uploads
    this.#have = have
  }

  rechoke(peers: readonly PeerSource[], options: { now: number; seeding: boolean }): void {
    const unchoked = this.#choker.choose(
      peers.map(({ id, session }) => ({
        id,
        interested: session.peerInterested && (!session.amChoking || this.#canGiveTo(session)),
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

  /**
   * Some are interested before there is anything for them. Unchoked then, rtorrent has nothing to ask for, and does not ask
   * in the following half minute either.
   */
  #canGiveTo({ pieces }: PeerSession): boolean {
    return pieces === undefined ? this.#have.count > 0 : this.#have.hasMoreThan(pieces)
  }
}
