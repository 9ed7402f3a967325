import { parseIp } from "../bytes/ip.js"
import { sameBytes } from "../bytes/same-bytes.js"
import type { Hasher } from "../ports/hasher.js"
import type { Random } from "../ports/random.js"

/** ms that a secret is in use; a token is taken for as long again (BEP 5). */
const SECRET_LIFE = 5 * 60_000
const SECRET_LENGTH = 16
/** Bytes: nobody guesses 2^64 at the rates that we answer. */
const TOKEN_LENGTH = 8

/**
 * Tokens that prove that who announces for an address has received something there, so that nobody can sign up others
 * (BEP 5). Nothing is kept for a token.
 */
export class Tokens {
  readonly #random: Pick<Random, "bytes">
  readonly #hasher: Pick<Hasher, "digest">
  #secret: Uint8Array
  #previous: Uint8Array
  #since: number

  constructor(options: { random: Pick<Random, "bytes">; hasher: Pick<Hasher, "digest">; now: number }) {
    this.#random = options.random
    this.#hasher = options.hasher
    this.#secret = this.#previous = options.random.bytes(SECRET_LENGTH)
    this.#since = options.now
  }

  /** For whoever is at `host`, and that torrent alone. */
  make(host: string, infoHash: Uint8Array, now: number): Uint8Array {
    this.#rotate(now)
    return this.#token(this.#secret, host, infoHash)
  }

  isValid(token: Uint8Array, host: string, infoHash: Uint8Array, now: number): boolean {
    this.#rotate(now)
    return [this.#secret, this.#previous].some((secret) => sameBytes(token, this.#token(secret, host, infoHash)))
  }

  #token(secret: Uint8Array, host: string, infoHash: Uint8Array): Uint8Array {
    const address = parseIp(host) ?? []
    return this.#hasher.digest("sha1", Uint8Array.of(...secret, ...infoHash, ...address)).slice(0, TOKEN_LENGTH)
  }

  #rotate(now: number): void {
    const age = now - this.#since
    if (age < SECRET_LIFE) return
    const fresh = this.#random.bytes(SECRET_LENGTH)
    // After a long silence the last secret is too old as well.
    this.#previous = age < 2 * SECRET_LIFE ? this.#secret : fresh
    this.#secret = fresh
    this.#since = now
  }
}
