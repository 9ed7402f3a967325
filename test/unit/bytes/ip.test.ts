import { isIP } from "node:net"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { formatIp, holdingOf, ipScope, parseIp } from "../../../src/bytes/ip.js"

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

  it.each([
    ["8.8.8.8", "public"],
    ["172.32.0.1", "public"],
    ["10.1.2.3", "private"],
    ["172.16.0.1", "private"],
    ["192.168.0.1", "private"],
    ["100.64.0.1", "private"],
    ["127.8.8.8", "loopback"],
    ["0.0.0.0", "refused"],
    ["0.1.2.3", "refused"],
    ["169.254.169.254", "refused"],
    ["100.100.100.200", "refused"],
    ["224.0.0.1", "refused"],
    ["255.255.255.255", "refused"],
    ["::1", "loopback"],
    ["::", "refused"],
    ["fe80::1", "refused"],
    ["ff02::1", "refused"],
    ["fd00:ec2::254", "refused"],
    ["fd00::1", "private"],
    ["2001:db8::1", "public"],
    ["::ffff:10.0.0.1", "private"],
    ["::ffff:169.254.169.254", "refused"],
    ["64:ff9b::7f00:1", "loopback"],
  ])("%s is %s", (text, scope) => {
    expect(ipScope(parseIp(text)!)).toBe(scope)
  })

  it.each([
    ["8.8.8.8", "8.8.8.9", false],
    ["2001:db8:1:2::1", "2001:0db8:1:2:ffff::2", true],
    ["2001:db8:1:2::1", "2001:db8:1:3::1", false],
    ["fd00::1", "fd00::2", false],
    ["::ffff:8.8.8.8", "::ffff:8.8.8.9", false],
  ])("%s and %s belong together: %s", (a, b, together) => {
    expect(holdingOf(a) === holdingOf(b)).toBe(together)
  })
})
