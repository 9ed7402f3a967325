import type { OpenPiece } from "../picker/open-piece.js"
import type { Hasher } from "../ports/hasher.js"

/** Digests are kept for so many failed pieces, so that a hostile swarm cannot fill our memory. */
const MAX_PIECES = 64
/** And for so many failures of each. */
const MAX_FAILURES = 4

interface Failure {
  readonly givers: Uint32Array
  readonly digests: readonly Uint8Array[]
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
        digests: Array.from({ length: open.blockCount }, (_, index) => this.#digest(open, index)),
      })
      this.#failures.set(open.piece, failures)
    }
    return []
  }

  /** The piece hashed right; its memory still holds it. @returns the sources whose blocks had spoiled it before */
  verified(open: OpenPiece): number[] {
    const failures = this.#failures.get(open.piece)
    if (failures === undefined) return []
    this.#failures.delete(open.piece)
    const guilty = new Set<number>()
    for (let index = 0; index < open.blockCount; index++) {
      const good = this.#digest(open, index)
      for (const { givers, digests } of failures) if (!same(good, digests[index]!)) guilty.add(givers[index]!)
    }
    return [...guilty]
  }

  #digest(open: OpenPiece, index: number): Uint8Array {
    return this.#hasher.digest("sha1", open.block(index))
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i])
}
