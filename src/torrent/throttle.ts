import type { PeerSession } from "../peer/peer-session.js"
import type { Clock } from "../ports/clock.js"
import type { RateLimit } from "./rate-limit.js"
import type { Totals } from "./totals.js"

interface Session extends Pick<PeerSession, "holdReading"> {
  readonly requester: Pick<PeerSession["requester"], "outstanding">
}

interface Peer {
  readonly session: Session
}

/** Stops reading from the peers that send blocks, or owe us some, while the download limit is overdrawn. */
export class Throttle {
  readonly #clock: Clock
  readonly #limit: RateLimit
  readonly #totals: Totals
  readonly #peers: () => Iterable<Peer>
  readonly #onOpen = (): void => this.#update()
  readonly #onRelease: () => void
  #holding = false
  #releases = 0

  /** `onRelease` is called when reading goes on: there is room to ask for more. */
  constructor(options: {
    clock: Clock
    limit: RateLimit
    totals: Totals
    peers: () => Iterable<Peer>
    onRelease: () => void
  }) {
    this.#clock = options.clock
    this.#limit = options.limit
    this.#totals = options.totals
    this.#peers = options.peers
    this.#onRelease = options.onRelease
  }

  get holding(): boolean {
    return this.#holding
  }

  /** Bytes of a block came. To wait for the next tick would be too late: a fast peer sends megabytes in one. */
  took(bytes: number, from: Session): void {
    this.#limit.take(bytes)
    if (!this.#holding) this.#update()
    // Asked for or not.
    if (this.#holding) from.holdReading(true)
  }

  /** There is nobody to hold any more. */
  close(): void {
    this.#limit.forget(this.#onOpen)
  }

  /** To be called every 250 ms. */
  tick(): void {
    this.#update()
    // What we keep waiting ourselves would have come.
    if (this.#holding) this.#totals.held(this.#clock.now())
  }

  #update(): void {
    const hold = !this.#limit.open
    if (hold) this.#limit.whenOpen(this.#onOpen)
    if (hold === this.#holding) return
    this.#holding = hold
    if (!hold) this.#releases++
    const peers = [...this.#peers()]
    // Whoever is let go first is read first, and a fast peer uses the limit up at once: each comes first in turn.
    const first = this.#releases % Math.max(1, peers.length)
    for (const { session } of [...peers.slice(first), ...peers.slice(0, first)]) {
      // Who owes us no blocks only says what costs nothing, and is to be heard.
      if (!hold || session.requester.outstanding > 0) session.holdReading(hold)
    }
    if (!hold) this.#onRelease()
  }
}
