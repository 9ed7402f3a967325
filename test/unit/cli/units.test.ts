import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { formatSize } from "../../../src/bytes/words.js"
import {
  formatDuration,
  formatElapsed,
  formatPercent,
  formatRate,
  parseDuration,
  parseSize,
} from "../../../src/cli/units.js"

const invalid = expect.objectContaining({ code: "AT_INVALID_INPUT" })

describe("sizes and rates as users write them", () => {
  it.each([
    ["10M", 10 * 2 ** 20],
    ["512k", 512 * 1024],
    ["1.5G", 1.5 * 2 ** 30],
    ["2T", 2 ** 41],
    ["100", 100],
    ["10MiB", 10 * 2 ** 20],
    ["10 mb/s", 10 * 2 ** 20],
    ["5Mi", 5 * 2 ** 20],
    ["7b", 7],
    [" 1K ", 1024],
  ])("%s", (text, bytes) => {
    expect(parseSize("--max-download", text)).toBe(bytes)
  })

  it.each([
    "",
    "M",
    "-1M",
    "0",
    "0.1",
    "1e6",
    "10X",
    "10 M B",
    "10i",
    "ten",
    "1.2.3",
    "9999999999T",
    "0x10",
    "Infinity",
  ])("refused: %j", (text) => {
    expect(() => parseSize("--max-download", text)).toThrow(invalid)
  })
})

describe("times as users write them, in milliseconds", () => {
  it.each([
    ["30s", 30_000],
    ["10m", 600_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["45", 45_000],
    ["1.5s", 1500],
    ["250ms", 250],
  ])("%s", (text, milliseconds) => {
    expect(parseDuration("--timeout", text)).toBe(milliseconds)
  })

  it.each(["", "s", "0", "0s", "-5s", "5 years", "10M", "1e3", "NaN"])("refused: %j", (text) => {
    expect(() => parseDuration("--timeout", text)).toThrow(invalid)
  })

  it("refused: more digits than any number has", () => {
    expect(() => parseDuration("--timeout", "9".repeat(400))).toThrow(invalid)
  })
})

describe("numbers for people", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [10 * 1024 + 512, "10.5 KiB"],
    [100 * 1024, "100 KiB"],
    [1024 * 1024 - 1, "1.0 MiB"],
    [41_234_567, "39.3 MiB"],
    [2 ** 50, "1.0 PiB"],
    [5000 * 2 ** 50, "5000 PiB"],
  ])("%d bytes are %s", (bytes, text) => {
    expect(formatSize(bytes)).toBe(text)
  })

  it("a size is right to two digits, and short", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 52 }), (bytes) => {
        const text = formatSize(bytes)
        expect(text.length).toBeLessThanOrEqual(8)
        expect(
          Math.abs(parseSize("--max-download", text.replace("PiB", "TiB")) * (text.endsWith("PiB") ? 1024 : 1) - bytes),
        ).toBeLessThanOrEqual(bytes * 0.05)
      }),
    )
  })

  it("a rate is a size a second", () => {
    expect(formatRate(1_500_000.7)).toBe("1.4 MiB/s")
    expect(formatRate(0.2)).toBe("0 B/s")
  })

  it.each([
    [0, "0 s"],
    [59.4, "59 s"],
    [59.6, "1 min 0 s"],
    [200, "3 min 20 s"],
    [3_600, "1 h 0 min"],
    [18_720, "5 h 12 min"],
    [187_200, "2 d 4 h"],
    [-3, "0 s"],
  ])("%d seconds are %s", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text)
  })

  it.each([
    [0.04, "0.0 s"],
    [0.35, "0.3 s"],
    [9.94, "9.9 s"],
    [9.95, "10 s"],
    [75, "1 min 15 s"],
  ])("%d seconds that something took are %s", (seconds, text) => {
    expect(formatElapsed(seconds)).toBe(text)
  })

  it("a percentage is 100 only when all is there", () => {
    expect(formatPercent(0, 0)).toBe("100 %")
    expect(formatPercent(0, 10)).toBe("0.0 %")
    expect(formatPercent(999_999, 1_000_000)).toBe("99.9 %")
    expect(formatPercent(7, 7)).toBe("100 %")
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 50 }), fc.nat(1000), (total, missing) => {
        const done = Math.max(0, total - 1 - missing)
        expect(Number.parseFloat(formatPercent(done, total))).toBeLessThan(100)
      }),
    )
  })
})
