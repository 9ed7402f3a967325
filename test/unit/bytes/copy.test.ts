import fc from "fast-check"
import { expect, test } from "vitest"
import { copyBytes } from "../../../src/bytes/copy.js"

test("copies exactly the asked bytes to exactly the asked place, in ordinary and in shared memory", () => {
  const place = fc.nat({ max: 40 })
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.record({ view: place, start: place, targetView: place, at: place }),
      fc.oneof(fc.nat({ max: 64 }), fc.integer({ min: 16_300, max: 16_500 }), fc.constant(40_000)),
      (shared, { view, start, targetView, at }, count) => {
        const source = new Uint8Array(view + start + count + 20).map((_, i) => 1 + (i % 251)).subarray(view)
        const size = targetView + at + count + 20
        const memory = shared ? new SharedArrayBuffer(size) : new ArrayBuffer(size)
        const target = new Uint8Array(memory, targetView)
        copyBytes(target, at, source, start, start + count)
        const expected = new Uint8Array(target.length)
        expected.set(source.subarray(start, start + count), at)
        expect(Buffer.from(target).equals(expected)).toBe(true)
      },
    ),
  )
})
