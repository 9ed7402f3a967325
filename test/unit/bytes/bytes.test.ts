import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Backoff } from "../../../src/bytes/backoff.js"
import { fromBase32, toBase32 } from "../../../src/bytes/base32.js"
import { Bitfield } from "../../../src/bytes/bitfield.js"
import { crc32, crc32c } from "../../../src/bytes/crc32.js"
import { fromHex, toHex } from "../../../src/bytes/hex.js"
import { MinHeap } from "../../../src/bytes/min-heap.js"
import { RateMeter } from "../../../src/bytes/rate-meter.js"
import { encodeUtf8 } from "../../../src/bytes/text.js"

describe("hexadecimal", () => {
  it("is undone by reading it, in either case", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromHex(toHex(bytes))).toEqual(bytes)
        expect(fromHex(toHex(bytes).toUpperCase())).toEqual(bytes)
      }),
    )
  })

  it.each(["0", "0g", "0x12", " 12 ", "é0"])("refuses %j", (text) => {
    expect(fromHex(text)).toBeUndefined()
  })
})

describe("base32", () => {
  it("agrees with the vectors of RFC 4648", () => {
    const vectors = ["", "MY======", "MZXQ====", "MZXW6===", "MZXW6YQ=", "MZXW6YTB", "MZXW6YTBOI======"]
    vectors.forEach((text, length) => {
      const bytes = encodeUtf8("foobar".slice(0, length))
      expect(toBase32(bytes)).toBe(text)
      expect(fromBase32(text)).toEqual(bytes)
    })
  })

  it("is undone by reading it, in either case, padded or not", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = toBase32(bytes)
        expect(fromBase32(text)).toEqual(bytes)
        expect(fromBase32(text.toLowerCase().replaceAll("=", ""))).toEqual(bytes)
      }),
    )
  })

  it.each([
    "A",
    "AAA",
    "AAAAAA",
    "M1======",
    "M8======",
    "MZ======",
    "MY=====",
    "MY=",
    "========",
    "MY======MY======",
    "MÝ",
  ])("refuses %j", (text) => {
    expect(fromBase32(text)).toBeUndefined()
  })
})

describe("CRC-32", () => {
  it("agrees with the standard's check value", () => {
    expect(crc32(encodeUtf8("123456789"))).toBe(0xcbf43926)
    expect(crc32(new Uint8Array(0))).toBe(0)
    expect(crc32c(encodeUtf8("123456789"))).toBe(0xe3069283)
  })

  it("is the same for data in parts", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        expect(crc32(b, crc32(a))).toBe(crc32(new Uint8Array([...a, ...b])))
      }),
    )
  })

  it("changes with every bit", () => {
    const bytes = encodeUtf8("a record of a journal")
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice()
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      expect(crc32(flipped)).not.toBe(crc32(bytes))
    }
  })
})

describe("rate meter", () => {
  it("measures a steady flow exactly enough", () => {
    const meter = new RateMeter(5000)
    for (let now = 0; now < 60_000; now += 10) {
      meter.add(1000, now)
      if (now >= 1000) expect(meter.rate(now)).toBeGreaterThan(95_000)
      if (now >= 1000) expect(meter.rate(now)).toBeLessThan(105_000)
    }
    expect(meter.total).toBe(6_000_000)
  })

  it("forgets what is older than its window", () => {
    const meter = new RateMeter(5000)
    meter.add(1_000_000, 1_000_000)
    expect(meter.rate(1_004_400)).toBeGreaterThan(0)
    expect(meter.rate(1_005_500)).toBe(0)
    expect(meter.total).toBe(1_000_000)
  })

  it("says 0 before the first byte and starts high rather than near zero", () => {
    const meter = new RateMeter(5000)
    expect(meter.rate(77)).toBe(0)
    meter.add(50_000, 100)
    expect(meter.rate(100)).toBe(100_000)
  })

  it("never says more than all bytes over a tenth of the window, nor less than 0", () => {
    const steps = fc.array(fc.record({ bytes: fc.nat(100_000), wait: fc.nat(8000) }), { maxLength: 60 })
    fc.assert(
      fc.property(steps, fc.nat(1e9), (list, start) => {
        const meter = new RateMeter(5000)
        let now = start
        for (const { bytes, wait } of list) {
          now += wait
          meter.add(bytes, now)
          expect(meter.rate(now)).toBeGreaterThanOrEqual(0)
          expect(meter.rate(now)).toBeLessThanOrEqual(meter.total * 2)
        }
        expect(meter.rate(now + 5500)).toBe(0)
      }),
    )
  })
})

describe("back-off", () => {
  it("doubles up to the cap and starts again after a success", () => {
    const backoff = new Backoff({ first: 1000, cap: 10_000 }, () => 0)
    expect([1, 2, 3, 4, 5, 6].map(() => backoff.fail())).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000])
    expect(backoff.failures).toBe(6)
    backoff.reset()
    expect(backoff.fail()).toBe(1000)
  })

  it("stays within its bounds and grows until the cap, for ever", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60_000 }), fc.array(fc.nat(), { maxLength: 300 }), (first, chances) => {
        let turn = 0
        const cap = 3_600_000
        const backoff = new Backoff({ first, cap, jitter: 0.25 }, (below) => chances[turn++]! % below)
        let before = 0
        for (const _ of chances) {
          const wait = backoff.fail()
          expect(Number.isInteger(wait)).toBe(true)
          expect(wait).toBeLessThanOrEqual(cap)
          expect(wait).toBeGreaterThanOrEqual(Math.min(before, Math.floor(cap * 0.75)))
          before = wait
        }
      }),
    )
  })
})

describe("min heap", () => {
  it("gives entries back in the order of their keys, whatever was pushed and popped before", () => {
    const steps = fc.array(fc.option(fc.integer({ min: -50, max: 50 }), { freq: 3 }), { maxLength: 200 })
    fc.assert(
      fc.property(steps, (list) => {
        const heap = new MinHeap<string>()
        const model: number[] = []
        const popBoth = (): void => {
          model.sort((a, b) => a - b)
          const expected = model.shift()
          expect(heap.minKey).toBe(expected)
          expect(heap.peek()).toBe(heap.size === 0 ? undefined : `v${expected}`)
          expect(heap.pop()).toBe(expected === undefined ? undefined : `v${expected}`)
        }
        for (const key of list) {
          if (key === null) popBoth()
          else {
            heap.push(key, `v${key}`)
            model.push(key)
          }
          expect(heap.size).toBe(model.length)
        }
        while (model.length > 0) popBoth()
        popBoth()
      }),
    )
  })

  it("is empty after clear", () => {
    const heap = new MinHeap<number>()
    heap.push(1, 1)
    heap.clear()
    expect(heap.pop()).toBeUndefined()
    expect(heap.size).toBe(0)
  })
})

describe("bitfield", () => {
  it("behaves like a set of numbers, and survives the wire", () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: -2, max: 130 }), fc.boolean()), { maxLength: 100 })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 128 }), steps, (length, list) => {
        const field = new Bitfield(length)
        const model = new Set<number>()
        for (const [index, add] of list) {
          const inside = index >= 0 && index < length
          if (add) expect(field.add(index)).toBe(inside && !model.has(index))
          else expect(field.delete(index)).toBe(model.has(index))
          if (inside && add) model.add(index)
          else model.delete(index)
          expect(field.has(index)).toBe(model.has(index))
        }
        expect(field.count).toBe(model.size)
        expect(field.complete).toBe(model.size === length)
        expect([...field]).toEqual([...model].sort((a, b) => a - b))
        const copy = Bitfield.fromBytes(field.bytes, length)
        expect(copy && [...copy]).toEqual([...field])
        expect(copy?.count).toBe(field.count)
      }),
    )
  })

  it("has every piece and no spare bit after fill", () => {
    for (let length = 0; length <= 40; length++) {
      const field = new Bitfield(length)
      field.fill()
      expect(field.count).toBe(length)
      expect([...field]).toEqual(Array.from({ length }, (_, i) => i))
      expect(Bitfield.fromBytes(field.bytes, length)).toBeDefined()
      field.clear()
      expect([...field]).toEqual([])
    }
  })

  it("has more than another when something is in it that the other lacks", () => {
    const sets = fc.uniqueArray(fc.nat(19), { maxLength: 20 })
    fc.assert(
      fc.property(sets, sets, (mine, theirs) => {
        const [a, b] = [mine, theirs].map((pieces) => {
          const field = new Bitfield(20)
          for (const piece of pieces) field.add(piece)
          return field
        })
        const beyond = mine.filter((piece) => !theirs.includes(piece)).sort((x, y) => x - y)
        expect(a!.hasMoreThan(b!)).toBe(beyond.length > 0)
        expect(a!.firstBeyond(b!, (piece) => piece % 3 === 0)).toBe(beyond.find((piece) => piece % 3 === 0))
      }),
    )
  })

  it("refuses wire bytes of the wrong count or with spare bits", () => {
    expect(Bitfield.fromBytes(new Uint8Array(2), 8)).toBeUndefined()
    expect(Bitfield.fromBytes(new Uint8Array(0), 1)).toBeUndefined()
    expect(Bitfield.fromBytes(Uint8Array.of(0x01), 7)).toBeUndefined()
    expect(Bitfield.fromBytes(Uint8Array.of(0xfe), 7)?.count).toBe(7)
  })
})
