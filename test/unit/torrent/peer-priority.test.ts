import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { formatIp } from "../../../src/bytes/ip.js"
import { peerPriority } from "../../../src/torrent/finding/peer-priority.js"

const at = (host: string, port = 6881) => ({ host, port })

describe("the priority of a pair of addresses", () => {
  it("is that of the examples of BEP 40", () => {
    expect(peerPriority(at("123.213.32.10"), at("98.76.54.32"))).toBe(0xec2d7224)
    expect(peerPriority(at("123.213.32.10"), at("123.213.32.234"))).toBe(0x99568189)
  })

  it("counts the network, half of what is behind, and more of neighbours", () => {
    const same = (a: string, b: string, ours: string) => peerPriority(at(ours), at(a)) === peerPriority(at(ours), at(b))
    expect(same("98.76.54.32", "98.76.20.0", "1.2.3.4")).toBe(true)
    expect(same("98.76.54.32", "98.77.54.32", "1.2.3.4")).toBe(false)
    expect(same("98.76.54.32", "98.76.54.0", "98.76.1.1")).toBe(true)
    expect(same("98.76.54.32", "98.76.20.32", "98.76.1.1")).toBe(false)
    expect(same("98.76.54.32", "98.76.54.0", "98.76.54.1")).toBe(false)
    expect(same("2001:db8:0:1111::1", "2001:db8::1", "2a00::1")).toBe(false)
    expect(same("2001:db8:0:aaaa::1", "2001:db8::1", "2a00::1")).toBe(true)
    expect(same("2001:db8:0:aaaa::1", "2001:db8::1", "2001:db8:0:ff00::1")).toBe(false)
    expect(same("2001:db8:0:00aa::1", "2001:db8::1", "2001:db8:0:ff00::1")).toBe(true)
    expect(same("2001:db8::1", "2001:db8::2", "2001:db8::9")).toBe(false)
  })

  it("of one address is that of the ports, in network order", () => {
    // CRC-32C of 00 50 1a e1.
    expect(peerPriority(at("1.2.3.4", 6881), at("1.2.3.4", 80))).toBe(0x6b6f9f5a)
    expect(peerPriority(at("2001:db8::1", 80), at("2001:db8:0::1", 6881))).toBe(0x6b6f9f5a)
  })

  it("does not exist between two families, or names", () => {
    expect(peerPriority(at("1.2.3.4"), at("2001:db8::1"))).toBeUndefined()
    expect(peerPriority(at("1.2.3.4"), at("example.org"))).toBeUndefined()
  })

  it("is the same from both sides", () => {
    const bytes = fc.constantFrom(4, 16).chain((n) => {
      const address = fc.uint8Array({ minLength: n, maxLength: n })
      return fc.tuple(address, address, fc.nat({ max: n }))
    })
    const port = fc.integer({ min: 1, max: 65535 })
    fc.assert(
      fc.property(bytes, port, port, ([a, b, shared], p, q) => {
        b.set(a.subarray(0, shared))
        const [ours, theirs] = [at(formatIp(a), p), at(formatIp(b), q)]
        expect(peerPriority(ours, theirs)).toBe(peerPriority(theirs, ours))
      }),
    )
  })
})
