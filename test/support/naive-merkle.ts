import { createHash } from "node:crypto"

const sha256 = (...parts: Uint8Array[]): Uint8Array => {
  const hash = createHash("sha256")
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

/** The root of a BEP 52 tree with so many leaves, a power of two: the definition, word for word. */
export function naiveRoot(data: Uint8Array, leaves: number): Uint8Array {
  if (leaves === 1) return data.length === 0 ? new Uint8Array(32) : sha256(data)
  const middle = (leaves / 2) * 16384
  return sha256(naiveRoot(data.subarray(0, middle), leaves / 2), naiveRoot(data.subarray(middle), leaves / 2))
}

/** Of the lowest tree over the data. */
export function naiveLowestRoot(data: Uint8Array): Uint8Array {
  let leaves = 1
  while (leaves * 16384 < data.length) leaves *= 2
  return naiveRoot(data, leaves)
}
