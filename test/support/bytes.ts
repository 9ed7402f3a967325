import { createHash } from "node:crypto"

export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

/** Length and SHA-1: what to compare instead of long arrays, which take vitest seconds. */
export function fingerprint(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "absent" : `${bytes.length} bytes, ${createHash("sha1").update(bytes).digest("hex")}`
}
