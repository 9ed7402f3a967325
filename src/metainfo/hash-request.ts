import { concatBytes } from "../bytes/concat.js"
import { sameBytes } from "../bytes/same-bytes.js"
import { HASH_LENGTH, rootOver, type Sha256, zeroRoot } from "./merkle.js"

/** What one peer asks another of a file's hash tree (BEP 52). */
export interface HashRequest {
  /** Of the file: 32 bytes. */
  readonly root: Uint8Array
  /** The height of the hashes. */
  readonly base: number
  /** The first of them, among those of that height. */
  readonly index: number
  readonly length: number
  /** So many heights above, as far as the hashes themselves do not make them, have a hash each to lead on to the root. */
  readonly proofLayers: number
}

/** Hashes that may be asked for at a time (BEP 52). */
export const MAX_HASHES = 512
/** libtorrent asks for all leaves of a piece at a time, and takes up to so many. */
const MOST_ANSWERED = 8192

/** Whether two ask for the same. */
export function sameRequest(a: HashRequest, b: HashRequest): boolean {
  const same = a.base === b.base && a.index === b.index && a.length === b.length && a.proofLayers === b.proofLayers
  return same && sameBytes(a.root, b.root)
}

/** Whether a request is one that a tree of that height can answer. A length of 1, which BEP 52 rules out, libtorrent asks for. */
export function isAnswerable({ base, index, length, proofLayers }: HashRequest, treeHeight: number): boolean {
  if (base >= treeHeight || length < 1 || length > MOST_ANSWERED || !Number.isInteger(Math.log2(length))) return false
  return index % length === 0 && index + length <= 2 ** (treeHeight - base) && proofLayers < treeHeight - base
}

/** The hashes that follow those of the base layer in an answer. */
export function uncleCount({ length, proofLayers }: HashRequest): number {
  return Math.max(0, proofLayers - Math.log2(length) + 1)
}

/**
 * The hashes of an answer: those of the base layer, then the uncles, upwards.
 * @returns undefined when `node` does not know one of them
 */
export function answerTo(
  request: HashRequest,
  node: (height: number, index: number) => Uint8Array | undefined,
): Uint8Array | undefined {
  const { base, index, length } = request
  const uncles = uncleCount(request)
  const hashes = new Uint8Array((length + uncles) * HASH_LENGTH)
  const put = (at: number, hash: Uint8Array | undefined): boolean => {
    if (hash === undefined) return false
    hashes.set(hash, at * HASH_LENGTH)
    return true
  }
  for (let i = 0; i < length; i++) if (!put(i, node(base, index + i))) return undefined
  let height = base + Math.log2(length)
  let place = index / length
  for (let i = 0; i < uncles; i++, height++, place = Math.floor(place / 2)) {
    if (!put(length + i, node(height, place % 2 === 0 ? place + 1 : place - 1))) return undefined
  }
  return hashes
}

/**
 * Whether an answer leads to a node that is known: the one at `height` above the hashes that were asked for, as many layers
 * up as it proves; the root, if it proves all.
 */
export function leadsTo(known: Uint8Array, request: HashRequest, hashes: Uint8Array, sha256: Sha256): boolean {
  const { length, index } = request
  if (hashes.length !== (length + uncleCount(request)) * HASH_LENGTH) return false
  let node = rootOver(hashes.subarray(0, length * HASH_LENGTH), 0, Math.log2(length), sha256)
  let place = index / length
  for (let at = length * HASH_LENGTH; at < hashes.length; at += HASH_LENGTH, place = Math.floor(place / 2)) {
    const uncle = hashes.subarray(at, at + HASH_LENGTH)
    node = sha256(place % 2 === 0 ? concatBytes(node, uncle) : concatBytes(uncle, node))
  }
  return sameBytes(node, known)
}

/** The `index`-th node of a layer at that height, which stands for nothing beyond the file's end. */
export function nodeOf(layer: Uint8Array, height: number, index: number, sha256: Sha256): Uint8Array {
  const at = index * HASH_LENGTH
  return at < layer.length ? layer.subarray(at, at + HASH_LENGTH) : zeroRoot(height, sha256)
}
