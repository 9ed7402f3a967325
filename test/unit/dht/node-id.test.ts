import { describe, expect, it } from "vitest"
import { fromHex } from "../../../src/bytes/hex.js"
import { parseIp } from "../../../src/bytes/ip.js"
import { compareDistance, ID_BITS, idSharing, sharedBits } from "../../../src/dht/node-id.js"
import { isSecureId, secureId } from "../../../src/dht/secure-id.js"
import { seededRandom } from "../../support/seeded-random.js"

/** From BEP 42: address, id that it may have. */
const VECTORS = [
  ["124.31.75.21", "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"],
  ["21.75.31.124", "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"],
  ["65.23.51.170", "a5d43220bc8f112a3d426c84764f8c2a1150e616"],
  ["84.124.73.14", "1b0321dd1bb1fe518101ceef99462b947a01ff41"],
  ["43.213.53.83", "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"],
] as const

const id = (hex: string): Uint8Array => fromHex(hex)!
const ip = (text: string): Uint8Array => parseIp(text)!

describe("distances of ids", () => {
  it("count the leading bits that two ids share", () => {
    const zero = new Uint8Array(20)
    expect(sharedBits(zero, zero)).toBe(ID_BITS)
    expect(sharedBits(zero, id(`80${"00".repeat(19)}`))).toBe(0)
    expect(sharedBits(zero, id(`0010${"00".repeat(18)}`))).toBe(11)
    expect(sharedBits(zero, id(`${"00".repeat(19)}01`))).toBe(159)
  })

  it("order ids by XOR with the target", () => {
    const target = id(`f0${"00".repeat(19)}`)
    const near = id(`e0${"00".repeat(19)}`)
    const far = id(`00${"00".repeat(19)}`)
    expect(compareDistance(target, near, far)).toBeLessThan(0)
    expect(compareDistance(target, far, near)).toBeGreaterThan(0)
    expect(compareDistance(target, near, near)).toBe(0)
  })

  it("lets an id be made that shares just so many bits", () => {
    const random = seededRandom(5)
    for (let bits = 0; bits < ID_BITS; bits++) {
      const own = random.bytes(20)
      expect(sharedBits(own, idSharing(own, bits, random.bytes(20)))).toBe(bits)
    }
  })
})

describe("ids that fit an address (BEP 42)", () => {
  it("are those of the BEP", () => {
    for (const [address, hex] of VECTORS) {
      expect(isSecureId(id(hex), ip(address)), address).toBe(true)
      expect(secureId(ip(address), id(hex)), address).toEqual(id(hex))
    }
  })

  it("do not fit another address, nor with a bit changed among the first 21 or the last 3", () => {
    for (const [address, hex] of VECTORS) {
      expect(isSecureId(id(hex), ip("8.8.8.8"))).toBe(false)
      for (const bit of [0, 7, 12, 20, 157, 158, 159]) {
        const other = id(hex)
        other[bit >> 3]! ^= 0x80 >> (bit & 7)
        expect(isSecureId(other, ip(address)), `bit ${bit}`).toBe(false)
      }
      const free = id(hex)
      free[10]! ^= 0xff
      expect(isSecureId(free, ip(address))).toBe(true)
    }
  })

  it("are made for IPv6 from the first half of the address alone", () => {
    const random = seededRandom(1)
    const made = secureId(ip("2a00:1450:4001:81a::1"), random.bytes(20))
    expect(isSecureId(made, ip("2a00:1450:4001:81a::1"))).toBe(true)
    expect(isSecureId(made, ip("2a00:1450:4001:81a:ffff::9"))).toBe(true)
    expect(isSecureId(made, ip("2b00:1450:4001:81a::1"))).toBe(false)
    expect(isSecureId(made, ip("2a00:1450:4001:81b::1"))).toBe(false)
  })

  it("are asked of nobody in a local network", () => {
    for (const address of ["10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.1.1", "fd00::1", "::1"]) {
      expect(isSecureId(new Uint8Array(20), ip(address)), address).toBe(true)
    }
  })
})
