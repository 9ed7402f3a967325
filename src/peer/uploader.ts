import { ProtocolError } from "../errors.js"
import type { TorrentLayout } from "../metainfo/layout.js"
import type { Clock } from "../ports/clock.js"
import { MAX_BLOCK_LENGTH } from "../wire/message.js"
import type { Connection } from "./connection.js"
import type { PeerHost } from "./peer-host.js"
import type { PeerLink } from "./peer-link.js"
import type { PeerState } from "./peer-state.js"
import { type TheirRequest, TheirRequests } from "./their-requests.js"

/** What one peer asks of us: which requests count, which wait, and that each is answered once. */
export class Uploader<Peer extends PeerState> {
  readonly #peer: Peer
  readonly #host: PeerHost<Peer>
  readonly #clock: Clock
  readonly #layout: TorrentLayout
  readonly #connection: Connection
  readonly #requests: TheirRequests

  constructor({ peer, host, clock, layout, connection }: PeerLink<Peer>) {
    this.#peer = peer
    this.#host = host
    this.#clock = clock
    this.#layout = layout
    this.#connection = connection
    this.#requests = new TheirRequests(layout)
  }

  /** Chokes the other side. What waits is refused, but for allowed fast pieces. */
  choke(): void {
    if (this.#peer.amChoking || this.#connection.phase !== "open") return
    this.#peer.amChoking = true
    this.#connection.encoder.choke()
    // BEP 6: choke first, then reject. Without the extension a choke refuses all by itself.
    this.#refuse((piece) => !this.#requests.isAllowed(piece))
  }

  unchoke(): void {
    if (!this.#peer.amChoking || this.#connection.phase !== "open") return
    this.#peer.amChoking = false
    this.#connection.encoder.unchoke()
    this.#connection.send()
  }

  /** Lets the other side ask for a piece while we choke it (BEP 6); nothing without the fast extension. */
  allowFast(piece: number): void {
    if (!this.#peer.fast || this.#connection.phase !== "open" || !this.#requests.allow(piece)) return
    this.#connection.encoder.allowedFast(piece)
    this.#connection.send()
  }

  /** Requests that wait for an answer. */
  get waiting(): number {
    return this.#connection.phase === "open" ? this.#requests.size : 0
  }

  /** The request that so many others wait longer than. */
  waitingAt(place: number): TheirRequest | undefined {
    return this.#connection.phase === "open" ? this.#requests.at(place) : undefined
  }

  /** Bytes not yet handed to the network. */
  get sendBacklog(): number {
    return this.#connection.backlog
  }

  /**
   * Answers a request; false, with nothing sent, when it is not waiting any more (cancelled, choked). `data` must stay as
   * it is until `onTaken` is called.
   */
  sendBlock(piece: number, begin: number, data: Uint8Array, onTaken: () => void = nothing): boolean {
    if (this.#connection.phase !== "open" || !this.#requests.delete(piece, begin, data.length)) {
      onTaken()
      return false
    }
    this.#connection.sendBlock(piece, begin, data, onTaken)
    this.#peer.uploadMeter.add(data.length, this.#clock.now())
    return true
  }

  /** Refuses a request; does nothing when it is not waiting any more. Without the fast extension it is just forgotten. */
  reject(piece: number, begin: number, length: number): void {
    const waiting = this.#connection.phase === "open" && this.#requests.delete(piece, begin, length)
    if (!waiting || !this.#peer.fast) return
    this.#connection.encoder.rejectRequest(piece, begin, length)
    this.#connection.send()
  }

  /** Refuses all that waits for parts of a piece. */
  rejectPiece(lost: number): void {
    if (this.#connection.phase === "open") this.#refuse((piece) => piece === lost)
  }

  onRequest(piece: number, begin: number, length: number): void {
    if (length > MAX_BLOCK_LENGTH) throw new ProtocolError(`a request for ${length} bytes`)
    if (!this.#layout.mayAsk(piece, begin, length)) throw new ProtocolError("a request for bytes that do not exist")
    this.#connection.checkBacklog()
    if (this.#requests.full) throw new ProtocolError(`more than ${this.#requests.size} requests at a time`)
    const served = !this.#peer.amChoking || this.#requests.useAllowance(piece)
    if (!this.#requests.add(piece, begin, length)) return
    if (served) this.#host.onRequest(this.#peer, piece, begin, length)
    else this.reject(piece, begin, length)
  }

  onCancel(piece: number, begin: number, length: number): void {
    if (!this.#layout.mayAsk(piece, begin, length)) throw new ProtocolError("a cancel for bytes that do not exist")
    // BEP 6: each request has an answer, a cancelled one too.
    this.reject(piece, begin, length)
  }

  #refuse(which: (piece: number) => boolean): void {
    for (const { piece, begin, length } of this.#requests.drop(which)) {
      if (this.#peer.fast) this.#connection.encoder.rejectRequest(piece, begin, length)
    }
    this.#connection.send()
  }
}

function nothing(): void {}
