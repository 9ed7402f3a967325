import { Allowances } from "../../bytes/allowance.js"
import type { PeerSession } from "../../peer/peer-session.js"
import {
  decodeMetadataMessage,
  encodeMetadataData,
  encodeMetadataReject,
  METADATA_EXTENSION,
  metadataPieceCount,
  metadataPieceLength,
} from "../../wire/metadata-message.js"
import type { RateLimit } from "../rate-limit.js"

/** A peer is given all of the metadata so often in a window; what it asks beyond that is refused (BEP 9: flood protection). */
const COPIES = 2
/** ms */
const WINDOW = 60_000
/** Nothing more goes to a connection that has so many bytes waiting. */
const MAX_BACKLOG = 1 << 20

/** The peer, as far as this goes. */
type Asker = Pick<PeerSession, "sendExtension" | "sendBacklog">

/** Gives a public torrent's metadata to peers that lack it (BEP 9), within limits. */
export class MetadataUploads {
  readonly #metadata: Uint8Array
  readonly #limit: RateLimit
  /** The pieces that each may still have. */
  readonly #allowances: Allowances<Asker>

  constructor(metadata: Uint8Array, limit: RateLimit) {
    this.#metadata = metadata
    this.#limit = limit
    this.#allowances = new Allowances(COPIES * metadataPieceCount(metadata.length), WINDOW)
  }

  /** Bytes. */
  get size(): number {
    return this.#metadata.length
  }

  /** A message of the metadata extension came. @throws ProtocolError */
  onMessage(peer: Asker, payload: Uint8Array, now: number): void {
    const message = decodeMetadataMessage(payload)
    // We have it all: answers are late ones.
    if (message?.kind !== "request") return
    const { piece } = message
    if (
      metadataPieceLength(this.size, piece) === 0 ||
      peer.sendBacklog > MAX_BACKLOG ||
      !this.#allowances.take(peer, now)
    ) {
      peer.sendExtension(METADATA_EXTENSION, encodeMetadataReject(piece))
      return
    }
    const data = encodeMetadataData(this.#metadata, piece)
    if (peer.sendExtension(METADATA_EXTENSION, data)) this.#limit.take(data.length)
  }
}
