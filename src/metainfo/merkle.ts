import { concatBytes } from "../bytes/concat.js"
/**
 * The hash trees of BEP 52: the leaves are the SHA-256 of a file's blocks of 16 KiB (the last may be shorter), zeros stand
 * in for the leaves beyond its end, and every node is the SHA-256 of the two below it.
 *
 * A height counts layers from the leaves, which have height 0. Hashes of one layer lie one behind the other.
 */

/** Bytes of a SHA-256. */
export const HASH_LENGTH = 32
/** Bytes under one leaf. */
export const LEAF_LENGTH = 16384

/** SHA-256 at once. The answer is kept by whoever asked. */
export type Sha256 = (data: Uint8Array) => Uint8Array

/** The height of the lowest tree over so many leaves, 1 or more. */
export function heightOver(leaves: number): number {
  return leaves <= 1 ? 0 : 32 - Math.clz32(leaves - 1)
}

/** Leaves of so many bytes. */
export function leafCount(length: number): number {
  return Math.ceil(length / LEAF_LENGTH)
}

/** Those of the heights asked for so far; from the zero leaf upwards. */
const zeroRoots: Uint8Array[] = [new Uint8Array(HASH_LENGTH)]

/** The node at that height under which there is nothing of the file. */
export function zeroRoot(height: number, sha256: Sha256): Uint8Array {
  for (let below = zeroRoots.length - 1; below < height; below++) {
    zeroRoots.push(sha256(concatBytes(zeroRoots[below]!, zeroRoots[below]!)))
  }
  return zeroRoots[height]!
}

/** The next layer above one whose nodes have the given height. */
export function layerAbove(layer: Uint8Array, height: number, sha256: Sha256): Uint8Array {
  const count = layer.length / HASH_LENGTH
  const above = new Uint8Array(Math.ceil(count / 2) * HASH_LENGTH)
  const pair = 2 * HASH_LENGTH
  for (let at = 0, to = 0; at < layer.length; at += pair, to += HASH_LENGTH) {
    const two =
      at + pair <= layer.length
        ? layer.subarray(at, at + pair)
        : concatBytes(layer.subarray(at, at + HASH_LENGTH), zeroRoot(height, sha256))
    above.set(sha256(two), to)
  }
  return above
}

/** The node at height `to` that stands above a layer at height `from`; there are at most 2^(to - from) nodes in it. */
export function rootOver(layer: Uint8Array, from: number, to: number, sha256: Sha256): Uint8Array {
  let nodes = layer
  for (let height = from; height < to; height++) nodes = layerAbove(nodes, height, sha256)
  return nodes
}

/** The root of the lowest tree over some bytes, 1 or more. */
export function rootOf(data: Uint8Array, sha256: Sha256): Uint8Array {
  const leaves = new Uint8Array(leafCount(data.length) * HASH_LENGTH)
  for (let at = 0, to = 0; at < data.length; at += LEAF_LENGTH, to += HASH_LENGTH) {
    leaves.set(sha256(data.subarray(at, at + LEAF_LENGTH)), to)
  }
  return rootOver(leaves, 0, heightOver(leaves.length / HASH_LENGTH), sha256)
}
