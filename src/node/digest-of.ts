// For worker threads: the main thread loads node:crypto only when it needs it.
import { hash } from "node:crypto"
import { rootOf } from "../metainfo/merkle.js"
import type { HashAlgorithm } from "../ports/hasher.js"

/** The digest of some bytes, on this thread. */
export function digestOf(algorithm: HashAlgorithm, data: Uint8Array): Uint8Array {
  return algorithm === "merkle" ? rootOf(data, sha256) : hash(algorithm, data, "buffer")
}

export function sha256(data: Uint8Array): Uint8Array {
  return hash("sha256", data, "buffer")
}
