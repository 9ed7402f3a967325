import type { OpenPiece } from "../../picker/open-piece.js"
import type { Hasher } from "../../ports/hasher.js"

/** Digests are kept for so many failed pieces, so that a hostile swarm cannot fill our memory. */
const MAX_PIECES = 64
/** And for so many failures of each. */
const MAX_FAILURES = 4

/** Bytes of a SHA-256. */
const DIGEST = 32

interface Failure {
  readonly givers: Uint32Array
  /** One after the other. */
  readonly digests: Uint8Array
}

/**
 * Finds out who sent wrong bytes. One giver of a bad piece is guilty at once. Of several, the digest of each block is
 * kept until the piece verifies: whoever gave a block that differs from the good one is guilty, and nobody else.
 */
export class Blame {
  readonly #hasher: Pick<Hasher, "digest">
  readonly #failures = new Map<number, Failure[]>()

  constructor(hasher: Pick<Hasher, "digest">) {
    this.#hasher = hasher
  }

  /** The piece did not hash right. @returns the sources that are guilty beyond doubt */
  rejected(open: OpenPiece): number[] {
    const givers = open.givers()
    if (givers.size === 1) return [...givers]
    const failures = this.#failures.get(open.piece) ?? []
    if (failures.length < MAX_FAILURES && (failures.length > 0 || this.#failures.size < MAX_PIECES)) {
      failures.push({
        givers: Uint32Array.from({ length: open.blockCount }, (_, index) => open.giver(index)),
        digests: this.#digests(open),
      })
      this.#failures.set(open.piece, failures)
    }
    return []
  }

  /** The piece hashed right; its memory still holds it. @returns the sources whose blocks had spoiled it before */
  verified(open: OpenPiece): number[] {
    if (!this.isOpen(open.piece)) return []
    const guilty = this.#guilty(open.piece, this.#digests(open))
    this.#failures.delete(open.piece)
    return guilty
  }

  /** The piece failed, and nobody was guilty beyond doubt. */
  isOpen(piece: number): boolean {
    return this.#failures.has(piece)
  }

  /**
   * The hashes of a failed piece's first so many blocks, as they should be (BEP 52).
   * @returns the sources whose blocks were others: nobody need wait for the good piece
   */
  compare(piece: number, leaves: Uint8Array): number[] {
    const guilty = this.#guilty(piece, leaves)
    if (guilty.length > 0) this.#failures.delete(piece)
    return guilty
  }

  /** Who gave blocks that differ from those with these digests, the piece's first. */
  #guilty(piece: number, good: Uint8Array): number[] {
    const guilty = new Set<number>()
    for (const { givers, digests } of this.#failures.get(piece) ?? []) {
      for (let at = 0; at < good.length; at++) {
        if (good[at] !== digests[at]) guilty.add(givers[Math.floor(at / DIGEST)]!)
      }
    }
    return [...guilty]
  }

  #digests(open: OpenPiece): Uint8Array {
    const digests = new Uint8Array(open.blockCount * DIGEST)
    for (let index = 0; index < open.blockCount; index++)
      digests.set(this.#hasher.digest("sha256", open.block(index)), index * DIGEST)
    return digests
  }
}
