import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { formatIp, parseIp } from "../../../src/bytes/ip.js"
import { parseSubnet, subnetContains } from "../../../src/bytes/subnet.js"

const address = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })

/** An address, how many of its first bits count, and another that shares so many of them with it, and not the next. */
const neighbours = fc.constantFrom(4, 16).chain((length) =>
  fc.record({
    one: address(length),
    bits: fc.nat(8 * length),
    shared: fc.nat(8 * length),
    noise: address(length),
  }),
)

function bitsOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("")
}

/** `one` up to a bit, its opposite there, and `noise` behind. */
function sharing(one: Uint8Array, shared: number, noise: Uint8Array): Uint8Array {
  const [a, b] = [bitsOf(one), bitsOf(noise)]
  const bits = a.slice(0, shared) + (shared < a.length ? (a[shared] === "0" ? "1" : "0") : "") + b.slice(shared + 1)
  return Uint8Array.from(one, (_, at) => Number.parseInt(bits.slice(8 * at, 8 * at + 8), 2))
}

describe("a subnet", () => {
  it("holds the addresses that share its first bits, and no other", () => {
    fc.assert(
      fc.property(neighbours, ({ one, bits, shared, noise }) => {
        expect(subnetContains({ network: one, bits }, sharing(one, shared, noise))).toBe(shared >= bits)
      }),
      { numRuns: 1000 },
    )
  })

  it("holds no address of the other family, not even one that holds all of its own", () => {
    expect(subnetContains({ network: new Uint8Array(4), bits: 0 }, new Uint8Array(16))).toBe(false)
    expect(subnetContains({ network: new Uint8Array(16), bits: 0 }, new Uint8Array(4))).toBe(false)
  })

  it("is read as it was written; an address alone has itself", () => {
    fc.assert(
      fc.property(neighbours, ({ one, bits }) => {
        const network = parseIp(formatIp(one))!
        const written = Math.min(bits, 8 * network.length)
        expect(parseSubnet(`${formatIp(one)}/${written}`)).toEqual({ network, bits: written })
        expect(parseSubnet(formatIp(one))).toEqual({ network, bits: 8 * network.length })
      }),
    )
  })

  it.each([
    ...["", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0/8.0", "10.0.0.0/ 8"],
    ...["10.0.0/8", "10.0.0.0/0008", "10.0.0.0/0x8", "::/129", "::1/1e1", "fe80::1%eth0/64", "example.org/8"],
  ])("is not %j", (text) => {
    expect(parseSubnet(text)).toBeUndefined()
  })
})
