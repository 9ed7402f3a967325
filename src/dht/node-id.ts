/** Bytes of a node id and of an infohash (BEP 5). */
export const ID_LENGTH = 20

/** Bits of an id. */
export const ID_BITS = 8 * ID_LENGTH

/** How many of the first bits two ids share: 0 to 160. The XOR distance is below 2^(160 - that). */
export function sharedBits(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_LENGTH; i++) {
    const differs = a[i]! ^ b[i]!
    if (differs !== 0) return 8 * i + Math.clz32(differs) - 24
  }
  return ID_BITS
}

/** Below 0 when `a` is closer to `target` than `b` is, by XOR distance (BEP 5); 0 when they are the same. */
export function compareDistance(target: Uint8Array, a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_LENGTH; i++) {
    const difference = (a[i]! ^ target[i]!) - (b[i]! ^ target[i]!)
    if (difference !== 0) return difference
  }
  return 0
}

export function sameId(a: Uint8Array, b: Uint8Array): boolean {
  return sharedBits(a, b) === ID_BITS
}

/** Makes of `random`, 20 bytes, an id that shares exactly the first `bits` (0 to 159) bits with `own`. */
export function idSharing(own: Uint8Array, bits: number, random: Uint8Array): Uint8Array {
  const id = random.slice()
  const byte = bits >> 3
  id.set(own.subarray(0, byte))
  const mask = 0xff80 >> (bits & 7)
  // The bits before are ours, the next one is the other, and what follows is random.
  const kept = own[byte]! & (mask << 1)
  const flipped = ~own[byte]! & (0x80 >> (bits & 7))
  id[byte] = (kept | flipped | (random[byte]! & ~mask)) & 0xff
  return id
}
