import { parseIp } from "../bytes/ip.js"
import { ProtocolError } from "../errors.js"
import type { TorrentLayout } from "../metainfo/layout.js"
import { decodeDontHave } from "../wire/dont-have.js"
import {
  decodeExtensionHandshake,
  EXTENSION_HANDSHAKE_ID,
  type ExtensionHandshake,
  encodeExtensionHandshake,
} from "../wire/extension.js"
import { decodeUploadOnly, encodeUploadOnly, UPLOAD_ONLY_EXTENSION } from "../wire/upload-only.js"
import type { Connection } from "./connection.js"
import { DONT_HAVE_ID, UPLOAD_ONLY_ID } from "./extension-ids.js"
import type { PeerHost } from "./peer-host.js"
import type { PeerLink } from "./peer-link.js"
import type { PeerState } from "./peer-state.js"
import type { Requester } from "./requester.js"
import { ANNOUNCED_REQUEST_QUEUE } from "./their-requests.js"

/** Extended handshakes that are listened to: BEP 10 allows many. Those beyond are ignored. */
const MAX_HANDSHAKES = 16
/** Names remembered, over all of its handshakes. */
const MAX_NAMES = 64

/** What we say of ourselves. */
export interface Introduction {
  /** Our name and version. */
  readonly clientVersion: string
  /** The TCP port at which those at `host` reach us; undefined when we do not listen. */
  readonly portFor?: (host: string) => number | undefined
  /** Our ids for extensions that the host takes part in, by name (BEP 10): 1 to 255. */
  readonly extensions?: ReadonlyMap<string, number>
  /** Bytes of the metadata that we give to who asks (BEP 9). */
  readonly metadataSize?: number | undefined
  /** We would rather have connections encrypted. */
  readonly prefersEncryption?: boolean
}

/** The extension protocol with one peer (BEP 10): who takes what under which id, lost pieces (BEP 54), who wants nothing (BEP 21). */
export class Extensions<Peer extends PeerState> {
  readonly #peer: Peer
  readonly #host: PeerHost<Peer>
  readonly #layout: TorrentLayout
  readonly #connection: Connection
  readonly #requester: Requester<Peer>
  readonly #introduction: Introduction
  /** The other side's ids, by name. */
  readonly #ids = new Map<string, number>()
  #handshakes = 0

  /** `requester` hears how many requests the other side takes, and what it lost. */
  constructor(
    { peer, host, layout, connection }: PeerLink<Peer>,
    requester: Requester<Peer>,
    introduction: Introduction,
  ) {
    this.#peer = peer
    this.#host = host
    this.#layout = layout
    this.#connection = connection
    this.#requester = requester
    this.#introduction = introduction
  }

  /** Whether the other side takes an extension. */
  takes(name: string): boolean {
    return this.#ids.has(name)
  }

  /** Sends an extended message, if the other side takes that extension. @returns whether it does */
  send(name: string, payload: Uint8Array): boolean {
    const id = this.#ids.get(name)
    if (id === undefined || this.#connection.phase !== "open") return false
    this.#connection.encoder.extended(id, payload)
    this.#connection.send()
    return true
  }

  /** Says what we are, if the other side can hear it. */
  introduce(uploadOnly: boolean): void {
    const { stream, phase, encoder } = this.#connection
    if (!this.#peer.extended || stream === undefined || phase !== "open") return
    const { clientVersion, portFor, extensions = new Map(), metadataSize, prefersEncryption } = this.#introduction
    const handshake: ExtensionHandshake = {
      messages: extensions,
      client: clientVersion,
      requestQueue: ANNOUNCED_REQUEST_QUEUE,
      uploadOnly,
      listenPort: portFor?.(stream.remote.host),
      yourAddress: parseIp(stream.remote.host),
      metadataSize,
      prefersEncryption,
    }
    encoder.extended(EXTENSION_HANDSHAKE_ID, encodeExtensionHandshake(handshake))
    this.#connection.send()
  }

  /** Says whether we want nothing, when that is not as it was. */
  sayUploadOnly(uploadOnly: boolean): void {
    if (!this.send(UPLOAD_ONLY_EXTENSION, encodeUploadOnly(uploadOnly))) this.introduce(uploadOnly)
  }

  onMessage(id: number, payload: Uint8Array): void {
    // Many are answered, if only with a refusal.
    this.#connection.checkBacklog()
    if (id === EXTENSION_HANDSHAKE_ID) this.#onHandshake(payload)
    else if (id === DONT_HAVE_ID) this.#onDontHave(decodeDontHave(payload))
    else if (id === UPLOAD_ONLY_ID) this.#peer.saidUploadOnly = decodeUploadOnly(payload) ?? this.#peer.saidUploadOnly
    else this.#host.onExtensionMessage?.(this.#peer, id, payload)
  }

  #onHandshake(payload: Uint8Array): void {
    if (++this.#handshakes > MAX_HANDSHAKES) return
    const handshake = decodeExtensionHandshake(payload)
    if (handshake === undefined) return
    for (const [name, id] of handshake.messages) {
      if (id === 0) this.#ids.delete(name)
      else if (this.#ids.size < MAX_NAMES) this.#ids.set(name, id)
    }
    const peer = this.#peer
    if (handshake.requestQueue !== undefined) this.#requester.limit(handshake.requestQueue)
    peer.namedClient = handshake.client ?? peer.namedClient
    peer.listenPort = handshake.listenPort ?? peer.listenPort
    peer.prefersEncryption = handshake.prefersEncryption ?? peer.prefersEncryption
    peer.saidUploadOnly = handshake.uploadOnly ?? peer.saidUploadOnly
    this.#host.onExtended(peer, handshake)
  }

  #onDontHave(piece: number): void {
    const peer = this.#peer
    if (piece >= this.#layout.pieceCount) throw new ProtocolError(`it lost piece ${piece}, which does not exist`)
    if (peer.pieces?.delete(piece) !== true) return
    this.#requester.onLost(piece)
    this.#host.onDontHave(peer, piece)
  }
}
