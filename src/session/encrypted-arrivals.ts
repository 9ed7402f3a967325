import { toHex } from "../bytes/hex.js"
import type { IncomingEncryption } from "../peer/incoming-handshake.js"
import { mseTools } from "../peer/mse-tools.js"
import type { Clock } from "../ports/clock.js"
import type { Platform } from "../ports/platform.js"
import { type EncryptionPolicy, selectMethod } from "../wire/encryption-policy.js"
import { type MseTools, skeyHash } from "../wire/mse.js"

/**
 * Key exchanges a second, for connections that others open: each takes a millisecond, and 96 bytes from anybody are enough
 * to ask for one. It is as many as connections that we open.
 */
const EXCHANGES_PER_SECOND = 30

/** What the session knows and decides when an accepted connection begins encrypted. */
export class EncryptedArrivals implements IncomingEncryption {
  readonly tools: MseTools
  readonly #policy: EncryptionPolicy
  readonly #clock: Clock
  /** Infohashes by what encrypted handshakes name them. */
  readonly #skeys = new Map<string, Uint8Array>()
  #windowStart = 0
  #inWindow = 0

  constructor(platform: Platform, policy: EncryptionPolicy) {
    this.tools = mseTools(platform)
    this.#policy = policy
    this.#clock = platform.clock
  }

  /** A torrent that others may want. */
  add(infoHash: Uint8Array): void {
    this.#skeys.set(toHex(skeyHash(this.tools, infoHash)), infoHash)
  }

  skeyOf(hash: Uint8Array): Uint8Array | undefined {
    return this.#skeys.get(toHex(hash))
  }

  select(provided: number): number {
    return selectMethod(this.#policy, provided)
  }

  mayExchange(): boolean {
    const now = this.#clock.now()
    if (now - this.#windowStart >= 1000) {
      this.#windowStart = now
      this.#inWindow = 0
    }
    return ++this.#inWindow <= EXCHANGES_PER_SECOND
  }
}
