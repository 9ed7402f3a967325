import { createHash } from "node:crypto"
import type { Clock } from "../../../src/ports/clock.js"
import type { HashAlgorithm, Hasher } from "../../../src/ports/hasher.js"
import type { SimRandom } from "./sim-random.js"

/** Milliseconds that hashing a piece takes at most; several are under way at once and end in any order. */
const HASH_TIME = 2

/** Hashes at the moment the answer is due: bytes that change before that change the answer, as they may in a worker. */
export class SimHasher implements Hasher {
  readonly #clock: Clock
  readonly #random: SimRandom
  readonly #waiting = new Set<(error: Error) => void>()
  #closed = false

  constructor(clock: Clock, random: SimRandom) {
    this.#clock = clock
    this.#random = random
  }

  digest(algorithm: HashAlgorithm, data: Uint8Array): Uint8Array {
    return new Uint8Array(createHash(algorithm).update(data).digest())
  }

  hashPiece(algorithm: HashAlgorithm, data: Uint8Array): Promise<Uint8Array> {
    return this.hashPieces(algorithm, [data])
  }

  hashPieces(algorithm: HashAlgorithm, pieces: readonly Uint8Array[]): Promise<Uint8Array> {
    if (!pieces.every(({ buffer }) => buffer instanceof SharedArrayBuffer))
      throw new TypeError("a piece lies in shared memory")
    if (this.#closed) return Promise.reject(new Error("the hasher is closed"))
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject)
      this.#clock.after(HASH_TIME * this.#random.float(), () => {
        if (this.#waiting.delete(reject)) resolve(this.#digests(algorithm, pieces))
      })
    })
  }

  #digests(algorithm: HashAlgorithm, pieces: readonly Uint8Array[]): Uint8Array {
    return new Uint8Array(Buffer.concat(pieces.map((piece) => this.digest(algorithm, piece))))
  }

  close(): Promise<void> {
    this.#closed = true
    for (const reject of this.#waiting) reject(new Error("the hasher was closed"))
    this.#waiting.clear()
    return Promise.resolve()
  }
}
