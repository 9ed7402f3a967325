import type { FullPiece, HashAlgorithm, Stored } from "../ports/hasher.js"
import { NodeFile } from "./file.js"
import { DIGEST_LENGTH, FATES, type StoreAnswer, type StoreMessage } from "./hash-messages.js"

/** What a worker is told of pieces to be stored. `places`: where they lie in shared memory. */
export function storeMessage(algorithm: HashAlgorithm, full: readonly FullPiece[], places: number[]): StoreMessage {
  const size = DIGEST_LENGTH[algorithm]
  const digests = new Uint8Array(full.length * size)
  const targets: number[] = []
  for (const [i, piece] of full.entries()) {
    digests.set(piece.digest, i * size)
    for (const { file, position, bytes } of piece.targets) {
      if (!(file instanceof NodeFile)) throw new TypeError("no file of this disk")
      targets.push(i, bytes.byteOffset - piece.bytes.byteOffset, bytes.byteLength, file.descriptor, position)
    }
  }
  return { type: "store", algorithm, pieces: places, digests, targets }
}

/** What the worker says of them. */
export function storedBy({ fates, hashing, writing }: StoreAnswer): Stored {
  return { fates: Array.from(fates, (fate) => FATES[fate]!), hashing, writing }
}
