import { concatBytes } from "../bytes/concat.js"
import { WireEncoder } from "../wire/encoder.js"
import { EXTENSION_HANDSHAKE_ID } from "../wire/extension.js"

/** Single haves remembered: who sends more before we know a thing is not worth it. */
const MAX_HAVES = 10_000
/** Pieces remembered; BEP 6 sends ten. */
const MAX_ALLOWED_FAST = 100
/** Extended handshakes remembered, and bytes of them. */
const MAX_HANDSHAKES = 16
const MAX_HANDSHAKE_BYTES = 1 << 16

/**
 * What a peer said while nobody could make sense of it, because it was not known how many pieces there are: as messages
 * that can be read again, of which each says what still holds.
 */
export class Said {
  choking = true
  interested = false
  #pieces: Uint8Array | "all" | "none" | undefined
  readonly #haves = new Set<number>()
  readonly #allowedFast = new Set<number>()
  readonly #extensionHandshakes: Uint8Array[] = []
  #extensionBytes = 0
  #complete = true

  /** False when it said more than is remembered. */
  get complete(): boolean {
    return this.#complete
  }

  pieces(pieces: Uint8Array | "all" | "none"): void {
    this.#pieces = typeof pieces === "string" ? pieces : pieces.slice()
    this.#haves.clear()
  }

  have(piece: number): void {
    if (this.#haves.size < MAX_HAVES) this.#haves.add(piece)
    else this.#complete = false
  }

  allowFast(piece: number): void {
    if (this.#allowedFast.size < MAX_ALLOWED_FAST) this.#allowedFast.add(piece)
  }

  extensionHandshake(payload: Uint8Array): void {
    this.#extensionBytes += payload.length
    if (this.#extensionHandshakes.length === MAX_HANDSHAKES || this.#extensionBytes > MAX_HANDSHAKE_BYTES) {
      this.#complete = false
    } else this.#extensionHandshakes.push(payload.slice())
  }

  /** All of it, behind the handshake. */
  replay(handshake: Uint8Array): Uint8Array {
    const encoder = new WireEncoder()
    for (const payload of this.#extensionHandshakes) encoder.extended(EXTENSION_HANDSHAKE_ID, payload)
    if (this.#pieces === "all") encoder.haveAll()
    else if (this.#pieces === "none") encoder.haveNone()
    else if (this.#pieces !== undefined) encoder.bitfield(this.#pieces)
    for (const piece of this.#haves) encoder.have(piece)
    for (const piece of this.#allowedFast) encoder.allowedFast(piece)
    if (this.interested) encoder.interested()
    if (!this.choking) encoder.unchoke()
    return concatBytes(handshake, encoder.takeBytes() ?? new Uint8Array(0))
  }
}
