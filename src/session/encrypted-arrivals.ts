import { Allowance } from "../bytes/allowance.js"
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
/** Of these, with one host. */
const EXCHANGES_OF_HOST = 10

/** What there is to know and to decide when an accepted connection begins encrypted. */
export class EncryptedArrivals {
  readonly #tools: MseTools
  readonly #clock: Clock
  /** Infohashes by what encrypted handshakes name them. */
  readonly #skeys = new Map<string, Uint8Array>()
  readonly #exchanges = new Allowance(EXCHANGES_PER_SECOND, 1000)
  /** Those of the present second by host. */
  readonly #ofHost = new Map<string, number>()

  constructor(platform: Platform) {
    this.#tools = mseTools(platform)
    this.#clock = platform.clock
  }

  /** There is a torrent that others may want. */
  add(infoHash: Uint8Array): void {
    this.#skeys.set(toHex(skeyHash(this.#tools, infoHash)), infoHash)
  }

  /** For a connection from `host`. */
  for(policy: EncryptionPolicy, host: string): IncomingEncryption {
    return {
      tools: this.#tools,
      skeyOf: (hash) => this.#skeys.get(toHex(hash)),
      select: (provided) => selectMethod(policy, provided),
      mayExchange: () => this.#mayExchange(host),
    }
  }

  #mayExchange(host: string): boolean {
    const now = this.#clock.now()
    if (this.#exchanges.left(now) === EXCHANGES_PER_SECOND) this.#ofHost.clear()
    const ofHost = this.#ofHost.get(host) ?? 0
    if (ofHost >= EXCHANGES_OF_HOST || !this.#exchanges.take(now)) return false
    this.#ofHost.set(host, ofHost + 1)
    return true
  }
}
