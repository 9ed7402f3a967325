import {
  decodeExtensionHandshake,
  EXTENSION_HANDSHAKE_ID,
  type ExtensionHandshake,
  encodeExtensionHandshake,
} from "../wire/extension.js"
import {
  decodeMetadataMessage,
  encodeMetadataReject,
  encodeMetadataRequest,
  METADATA_EXTENSION,
  type MetadataMessage,
} from "../wire/metadata-message.js"
import type { Connection } from "./connection.js"
import { METADATA_EXTENSIONS, METADATA_ID } from "./extension-ids.js"
import { ANNOUNCED_REQUEST_QUEUE } from "./their-requests.js"

/** What is heard of the other side. */
export interface MetadataExtensionsHost {
  /** It has the metadata, of so many bytes by its own account. */
  onSize(size: number): void
  /** A piece, or a refusal. The bytes are valid during the call. */
  onMessage(message: MetadataMessage): void
  /** It takes this for our address. */
  onOurAddress(address: Uint8Array): void
}

/** The extension protocol (BEP 10) with a peer of a torrent whose metadata we lack: it is asked for that (BEP 9). */
export class MetadataExtensions {
  readonly #connection: Connection
  readonly #host: MetadataExtensionsHost
  /** The other side's id for the metadata extension. */
  #metadataId: number | undefined

  constructor(connection: Connection, host: MetadataExtensionsHost) {
    this.#connection = connection
    this.#host = host
  }

  /** Says what we are. It goes out with what follows. */
  introduce({ client, listenPort }: { client: string; listenPort: number | undefined }): void {
    const handshake: ExtensionHandshake = {
      messages: METADATA_EXTENSIONS,
      client,
      requestQueue: ANNOUNCED_REQUEST_QUEUE,
      listenPort,
    }
    this.#connection.encoder.extended(EXTENSION_HANDSHAKE_ID, encodeExtensionHandshake(handshake))
  }

  /** Asks for a piece of the metadata. @returns whether that could be done */
  ask(piece: number): boolean {
    return this.#send(encodeMetadataRequest(piece))
  }

  onMessage(id: number, payload: Uint8Array): void {
    if (id === EXTENSION_HANDSHAKE_ID) this.#onHandshake(payload)
    else if (id === METADATA_ID) this.#onMetadataMessage(payload)
  }

  #onHandshake(payload: Uint8Array): void {
    const handshake = decodeExtensionHandshake(payload)
    if (handshake === undefined) return
    if (handshake.yourAddress !== undefined) this.#host.onOurAddress(handshake.yourAddress)
    const id = handshake.messages.get(METADATA_EXTENSION)
    if (id !== undefined) this.#metadataId = id === 0 ? undefined : id
    if (handshake.metadataSize !== undefined && this.#metadataId !== undefined) {
      this.#host.onSize(handshake.metadataSize)
    }
  }

  #onMetadataMessage(payload: Uint8Array): void {
    const message = decodeMetadataMessage(payload)
    if (message === undefined) return
    if (message.kind !== "request") this.#host.onMessage(message)
    // Whoever lacks it says no (BEP 9).
    else if (this.#send(encodeMetadataReject(message.piece))) this.#connection.checkBacklog()
  }

  #send(payload: Uint8Array): boolean {
    if (this.#metadataId === undefined || this.#connection.phase !== "open") return false
    this.#connection.encoder.extended(this.#metadataId, payload)
    this.#connection.send()
    return true
  }
}
