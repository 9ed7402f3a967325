import type { Bitfield } from "../../bytes/bitfield.js"
import type { PeerSource } from "../peer-source.js"
import { Choker } from "./choker.js"
import type { SuperSeeding } from "./super-seeding.js"

/** Puts the choker's choice into effect. */
export class Choking {
  readonly #choker = new Choker()
  readonly #have: Bitfield
  readonly #superSeeding: SuperSeeding | undefined

  constructor(options: {
    have: Bitfield
    superSeeding?: SuperSeeding | undefined
  }) {
    this.#have = options.have
    this.#superSeeding = options.superSeeding
  }

  rechoke(peers: readonly PeerSource[], options: { now: number; seeding: boolean }): void {
    const unchoked = this.#choker.choose(
      peers.map((peer) => {
        const { id, session } = peer
        return {
          id,
          interested: session.peerInterested && (!session.amChoking || this.#canGiveTo(peer)),
          choked: session.amChoking,
          snubbed: session.requester.snubbed,
          downloaded: session.downloaded,
          uploaded: session.uploaded,
        }
      }),
      options,
    )
    for (const peer of peers) {
      const { id, session } = peer
      if (unchoked.has(id)) {
        if (session.amChoking) peer.requested(options.now)
        session.uploader.unchoke()
      } else {
        session.uploader.choke()
      }
    }
  }

  /**
   * Some are interested before there is anything for them. Unchoked then, rtorrent has nothing to ask for, and does not ask
   * in the following half minute either.
   */
  #canGiveTo(peer: PeerSource): boolean {
    const { pieces } = peer.session
    const offered = this.#superSeeding?.shownTo(peer) ?? this.#have
    return pieces === undefined ? offered.count > 0 : offered.hasMoreThan(pieces)
  }
}
