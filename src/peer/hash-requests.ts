import { type HashRequest, sameRequest } from "../metainfo/hash-request.js"
import { HASH_HEADER_LENGTH, readHashHeader } from "../wire/hash-messages.js"
import { MessageId } from "../wire/message.js"
import type { Connection } from "./connection.js"

/** Who decides about hashes. */
export interface HashHost<Peer> {
  /** It asks for hashes: to be answered. */
  onHashRequest?(peer: Peer, request: HashRequest): void
  /** An answer to `request`, the very object that was asked for; undefined: it refuses. The bytes are valid during the call. */
  onHashes?(peer: Peer, request: HashRequest, hashes: Uint8Array | undefined): void
}

/** Requests for hashes of the trees between us and one peer, both ways (BEP 52). */
export class HashRequests<Peer extends { readonly v2: boolean }> {
  readonly #peer: Peer
  readonly #host: HashHost<Peer>
  readonly #connection: Connection
  readonly #mostAsked: number
  readonly #onStray: () => void
  /** Asked of it and not answered. */
  readonly #asked: HashRequest[] = []

  constructor(options: {
    peer: Peer
    host: HashHost<Peer>
    connection: Connection
    /** Requests at a time. */
    mostAsked: number
    /** It answered no request. */
    onStray: () => void
  }) {
    this.#peer = options.peer
    this.#host = options.host
    this.#connection = options.connection
    this.#mostAsked = options.mostAsked
    this.#onStray = options.onStray
  }

  /** False: not of this peer, or not now. */
  ask(request: HashRequest): boolean {
    if (!this.#peer.v2 || this.#connection.phase !== "open" || this.#asked.length >= this.#mostAsked) return false
    this.#asked.push(request)
    this.#connection.encoder.hashRequest(request)
    this.#connection.send()
    return true
  }

  /** Answers a request; undefined refuses it. */
  send(request: HashRequest, hashes: Uint8Array | undefined): void {
    if (this.#connection.phase !== "open") return
    if (hashes === undefined) this.#connection.encoder.hashReject(request)
    else this.#connection.encoder.hashes(request, hashes)
    this.#connection.send()
  }

  onMessage(id: number, payload: Uint8Array): void {
    // Who speaks v1 may mean something else by these ids.
    if (!this.#peer.v2) return
    const request = readHashHeader(payload)
    if (id === MessageId.hashRequest) {
      this.#connection.checkBacklog()
      this.#host.onHashRequest?.(this.#peer, request)
      return
    }
    const at = this.#asked.findIndex((asked) => sameRequest(asked, request))
    const [asked] = at < 0 ? [] : this.#asked.splice(at, 1)
    if (asked === undefined) {
      this.#onStray()
      return
    }
    const hashes = id === MessageId.hashes ? payload.subarray(HASH_HEADER_LENGTH) : undefined
    this.#host.onHashes?.(this.#peer, asked, hashes)
  }
}
