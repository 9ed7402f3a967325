import type { HashRequest } from "../metainfo/hash-request.js"
import { HASH_HEADER_LENGTH, readHashHeader } from "../wire/hash-messages.js"
import { MessageId } from "../wire/message.js"
import type { Connection } from "./connection.js"
import type { PeerHost } from "./peer-host.js"
import type { PeerState } from "./peer-state.js"
import type { Requester } from "./requester.js"

/** Requests for hashes at a time (libtorrent: 2). */
const MOST_ASKED = 4

/** Requests for hashes of the trees between us and one peer, both ways (BEP 52). */
export class HashRequests<Peer extends PeerState> {
  readonly #peer: Peer
  readonly #host: PeerHost<Peer>
  readonly #connection: Connection
  readonly #requester: Requester<Peer>
  /** Asked of it and not answered. */
  readonly #asked: HashRequest[] = []

  constructor(options: {
    peer: Peer
    host: PeerHost<Peer>
    connection: Connection
    /** Counts answers to no request. */
    requester: Requester<Peer>
  }) {
    this.#peer = options.peer
    this.#host = options.host
    this.#connection = options.connection
    this.#requester = options.requester
  }

  /** False: not of this peer, or not now. */
  ask(request: HashRequest): boolean {
    if (!this.#peer.v2 || this.#connection.phase !== "open" || this.#asked.length >= MOST_ASKED) return false
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
    if (at < 0) {
      this.#requester.stray()
      return
    }
    this.#asked.splice(at, 1)
    const hashes = id === MessageId.hashes ? payload.subarray(HASH_HEADER_LENGTH) : undefined
    this.#host.onHashes?.(this.#peer, request, hashes)
  }
}

function sameRequest(a: HashRequest, b: HashRequest): boolean {
  const same = a.base === b.base && a.index === b.index && a.length === b.length && a.proofLayers === b.proofLayers
  return same && a.root.every((byte, at) => byte === b.root[at])
}
