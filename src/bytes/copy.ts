/** Bytes copied at once by way of ordinary memory; small enough to stay in the processor's nearest cache. */
const STRIDE = 16384

/** V8 copies to shared memory a word at a time when source and target are equally aligned, else a byte at a time. */
const WORD = 8

const scratch = new Uint8Array(STRIDE + WORD)

/**
 * Copies `source[start, end)` to `target` from `at` on. The same as `target.set(source.subarray(start, end), at)`, but
 * five times as fast when `target` is shared memory: bytes from a socket lie at odd addresses, so they are first brought
 * to the target's alignment in a small buffer (measured in Node 20: 17 instead of 3 GB/s; ordinary memory takes 40).
 */
export function copyBytes(target: Uint8Array, at: number, source: Uint8Array, start: number, end: number): void {
  const skewed = ((source.byteOffset + start) ^ (target.byteOffset + at)) & (WORD - 1)
  if (skewed === 0 || !(target.buffer instanceof SharedArrayBuffer)) {
    target.set(start === 0 && end === source.length ? source : source.subarray(start, end), at)
    return
  }
  let from = start
  let to = at
  while (from < end) {
    const count = Math.min(STRIDE, end - from)
    const phase = (target.byteOffset + to) & (WORD - 1)
    scratch.set(source.subarray(from, from + count), phase)
    target.set(scratch.subarray(phase, phase + count), to)
    from += count
    to += count
  }
}
