import type { EncryptionPolicy } from "../../wire/encryption-policy.js"

/** After so many peers that answered encrypted and not in plain, others are no longer tried in plain first. */
const ENOUGH_SAVED = 2

/** How connections to one address begin. */
export interface Way {
  /** Undefined: as others do. */
  encrypted: boolean | undefined
  /** The last one began the other way, and brought no handshake. */
  turned: boolean
}

/**
 * Whether a connection that we open begins encrypted. Where somebody is reached who does not answer, the other way is tried
 * at once, and one that answered stays. Filters that let no plain handshake pass are noticed: when the other way has helped
 * and plain never has, new addresses are tried encrypted first.
 */
export class EncryptionChoice {
  readonly #policy: EncryptionPolicy
  #plainAnswered = false
  #saved = 0

  constructor(policy: EncryptionPolicy) {
    this.#policy = policy
  }

  /** `preferred`: somebody says that whoever is there would rather have it encrypted. */
  newWay(preferred = false): Way {
    return { encrypted: preferred ? true : undefined, turned: false }
  }

  encrypts(way: Way): boolean {
    if (this.#policy === "require" || this.#policy === "off") return this.#policy === "require"
    way.encrypted ??= this.#policy === "prefer" || (!this.#plainAnswered && this.#saved >= ENOUGH_SAVED)
    return way.encrypted
  }

  /** A handshake came. */
  answered(way: Way): void {
    if (!this.encrypts(way)) this.#plainAnswered = true
    else if (way.turned) this.#saved++
    way.turned = false
  }

  /**
   * None came, from somebody who is there: the next connection goes the other way. True when it may be opened at once; false
   * when that was done before.
   */
  turn(way: Way): boolean {
    if (this.#policy === "require" || this.#policy === "off") return false
    way.encrypted = !this.encrypts(way)
    if (way.turned) return false
    way.turned = true
    return true
  }
}
