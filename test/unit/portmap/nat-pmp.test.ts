import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { toHex } from "../../../src/bytes/hex.js"
import { decodeMappingAnswer, encodeMappingRequest, type MappedProtocol } from "../../../src/portmap/nat-pmp.js"

const protocols = fc.constantFrom<MappedProtocol>("tcp", "udp")
const ports = fc.integer({ min: 1, max: 65535 })

function answer(operation: number, code: number, inner: number, outer: number, lifetime: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(16))
  view.setUint8(1, operation)
  view.setUint16(2, code)
  view.setUint16(8, inner)
  view.setUint16(10, outer)
  view.setUint32(12, lifetime)
  return new Uint8Array(view.buffer)
}

describe("NAT-PMP (RFC 6886)", () => {
  it("asks with each field in its place", () => {
    const ask = (protocol: MappedProtocol, lifetime: number) =>
      toHex(encodeMappingRequest({ protocol, port: 6881, outerPort: 7000, lifetime }))
    expect(ask("udp", 7200)).toBe("0001" + "0000" + "1ae1" + "1b58" + "00001c20")
    expect(ask("tcp", 7200)).toBe("0002" + "0000" + "1ae1" + "1b58" + "00001c20")
    // Taking it back names no outer port.
    expect(ask("tcp", 0)).toBe("0002" + "0000" + "1ae1" + "0000" + "00000000")
  })

  it("reads what was given, and why not", () => {
    const tcp = { protocol: "tcp", port: 6881 } as const
    expect(decodeMappingAnswer(answer(130, 0, 6881, 7000, 600), tcp)).toEqual({
      kind: "mapped",
      outerPort: 7000,
      lifetime: 600,
    })
    expect(decodeMappingAnswer(answer(130, 2, 0, 0, 0).subarray(0, 8), tcp)).toMatchObject({ kind: "refused" })
    expect(decodeMappingAnswer(answer(130, 77, 0, 0, 0), tcp)).toEqual({ kind: "refused", reason: "error 77" })
    expect(decodeMappingAnswer(answer(130, 0, 6881, 0, 600), tcp)).toMatchObject({ kind: "refused" })
  })

  it("takes nothing for an answer that is none", () => {
    const tcp = { protocol: "tcp", port: 6881 } as const
    for (const wrong of [
      answer(129, 0, 6881, 6881, 600),
      answer(2, 0, 6881, 6881, 600),
      answer(130, 0, 6882, 6881, 600),
      answer(130, 0, 6881, 6881, 600).subarray(0, 15),
    ]) {
      expect(decodeMappingAnswer(wrong, tcp)).toBeUndefined()
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), protocols, ports, (bytes, protocol, port) => {
        const read = decodeMappingAnswer(bytes, { protocol, port })
        if (read?.kind === "mapped") expect(bytes.length).toBeGreaterThanOrEqual(16)
      }),
    )
  })
})
