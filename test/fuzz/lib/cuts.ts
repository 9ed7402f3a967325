import type { Choices } from "./choices.js"

/**
 * Gives a stream in parts, cut where `sizes` says (repeated), from one buffer that is overwritten each time, as a socket's
 * is: who keeps a view keeps nothing. `push` answers false to end it.
 */
export function inParts(stream: Uint8Array, sizes: readonly number[], push: (part: Uint8Array) => boolean): void {
  const buffer = new Uint8Array(Math.max(1, ...sizes))
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const size = Math.min(sizes[turn % sizes.length] ?? 1, stream.length - at)
    buffer.set(stream.subarray(at, at + size))
    if (!push(buffer.subarray(0, size))) return
    buffer.fill(0xee)
    at += size
  }
}

/** Up to four sizes, mostly small. */
export function readSizes(choices: Choices): number[] {
  return Array.from({ length: 1 + choices.below(4) }, () => {
    const size = choices.byte()
    // The large ones are whole socket buffers.
    return size < 200 ? 1 + size : 1 + (size - 199) * 1171
  })
}
