import { isIP } from "node:net"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { formatIp, parseIp } from "../../../src/bytes/ip.js"

describe("IP addresses", () => {
  it("come back from text as the bytes they were", () => {
    const address = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.array(fc.constantFrom(0, 0, 1, 255), { minLength: 16, maxLength: 16 }).map((bytes) => Uint8Array.from(bytes)),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    )
    fc.assert(
      fc.property(address, (bytes) => {
        const text = formatIp(bytes)
        expect(isIP(text)).toBe(text.includes(":") ? 6 : 4)
        expect(formatIp(parseIp(text)!)).toBe(text)
        if (text.includes(":")) expect(new URL(`http://[${text}]/`).hostname).toBe(`[${text}]`)
        if (text.includes(":") || bytes.length === 4) expect(parseIp(text)).toEqual(bytes)
      }),
    )
  })

  it("are taken in the same texts as Node takes, without zones", () => {
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.string({ unit: fc.constantFrom(..."0123:.af"), maxLength: 24 }),
      fc.constantFrom("::", "1::", "::1", ":::", "1:2", "1:2:3:4:5:6:7::", "::1.2.3.4", "1.2.3.4::", "01.2.3.4", ""),
    )
    fc.assert(
      fc.property(text, (candidate) => {
        expect(parseIp(candidate) !== undefined).toBe(isIP(candidate) !== 0)
      }),
      { numRuns: 2000 },
    )
    expect(parseIp("fe80::1%eth0")).toBeUndefined()
  })
})
