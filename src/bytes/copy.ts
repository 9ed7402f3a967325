// eslint-disable-next-line no-restricted-globals -- nothing else in JavaScript copies to shared memory with `memcpy`
const { fill } = Buffer.prototype

/**
 * Copies `source[start, end)` to `target` from `at` on. The same as `target.set(source.subarray(start, end), at)`, but
 * several times as fast when `target` is shared memory, where V8 copies a word at a time at best, and a byte at a time
 * when source and target are differently aligned, as bytes from a socket are. Filling with as many bytes as there are to
 * fill is one copy by the C library (measured in Node 20: 6.5 instead of 1.5 to 3 GB/s).
 */
export function copyBytes(target: Uint8Array, at: number, source: Uint8Array, start: number, end: number): void {
  // Filling with nothing is an error.
  if (start === end) return
  const bytes = start === 0 && end === source.length ? source : source.subarray(start, end)
  if (target.buffer instanceof SharedArrayBuffer) fill.call(target, bytes, at, at + end - start)
  else target.set(bytes, at)
}
