import fc from "fast-check"
import { expect, test } from "vitest"
import { concatBytes } from "../../src/bytes/concat.js"
import { ProtocolError } from "../../src/errors.js"
import {
  CryptoMethod,
  ciphersOf,
  KeyExchange,
  MAX_PAD,
  type MseAgreement,
  maskSkeyHash,
  skeyHash,
  syncHash,
} from "../../src/wire/mse.js"
import { BOTH, Initiator, Responder, skey, toolsOf } from "../unit/wire/mse-parties.js"

const { plaintext, rc4 } = CryptoMethod
const bytes = fc.uint8Array({ maxLength: 300 })

/** Deals with received bytes as both sides agreed. */
function decrypt(agreement: MseAgreement, received: Uint8Array): Uint8Array {
  const part = received.slice(0, Math.min(received.length, agreement.encryptedLeft))
  return concatBytes(agreement.decrypt.apply(part), received.subarray(part.length))
}

function encrypt(agreement: MseAgreement, sent: Uint8Array): Uint8Array {
  return agreement.encrypt === undefined ? sent : agreement.encrypt.apply(sent.slice())
}

test("two sides agree, and understand all that follows, however the bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.array(fc.nat({ max: 700 }), { minLength: 1, maxLength: 20 }),
      fc.constantFrom([BOTH, rc4], [BOTH, plaintext], [rc4, rc4], [plaintext, plaintext]),
      bytes,
      bytes,
      bytes,
      (seed, sizes, [provide, select], payload, fromA, fromB) => {
        const a = new Initiator({ seed, provide: provide!, payload })
        const b = new Responder({ seed: seed + 1, select: (provided) => provided & select! })
        let agreedA: MseAgreement | undefined
        let agreedB: MseAgreement | undefined
        // What came behind the agreement.
        const heardA: Uint8Array[] = []
        const heardB: Uint8Array[] = []
        let saidB = false
        for (let i = 0; i < 20_000 && (agreedA === undefined || agreedB === undefined); i++) {
          const size = 1 + sizes[i % sizes.length]!
          const toB = a.voice.take(size)
          if (toB.length > 0) {
            if (agreedB === undefined) {
              agreedB = b.handshake.push(toB)
              if (agreedB !== undefined) heardB.push(agreedB.rest)
            } else heardB.push(toB)
          }
          if (agreedB !== undefined && !saidB) {
            saidB = true
            b.voice.send(encrypt(agreedB, fromB))
          }
          const toA = b.voice.take(size)
          if (toA.length > 0) {
            agreedA = a.handshake.push(toA)
            if (agreedA !== undefined) heardA.push(agreedA.rest)
          }
        }
        expect(agreedA).toBeDefined()
        expect(agreedA!.encrypt === undefined).toBe(select === plaintext)
        a.voice.send(encrypt(agreedA!, fromA))
        heardA.push(b.voice.take())
        heardB.push(a.voice.take())
        expect(decrypt(agreedA!, concatBytes(...heardA))).toEqual(concatBytes(fromB))
        expect(decrypt(agreedB!, concatBytes(...heardB))).toEqual(concatBytes(payload, fromA))
      },
    ),
  )
})

test("what is sent first tells nothing but for its length, which is never the same", () => {
  const greetings = Array.from({ length: 50 }, (_, seed) => new Initiator({ seed }).voice.take())
  expect(new Set(greetings.map(({ length }) => length)).size).toBeGreaterThan(30)
  for (const { length } of greetings) expect(length >= 96 && length <= 96 + MAX_PAD).toBe(true)
})

test("whatever comes instead of an answer is refused, or waited for no longer than the longest padding", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("initiator", "responder"),
      fc.uint8Array({ minLength: 97, maxLength: 1200 }),
      fc.integer({ min: 1, max: 1200 }),
      (side, garbage, size) => {
        const { handshake } = side === "initiator" ? new Initiator() : new Responder()
        const all = concatBytes(garbage, new Uint8Array(96 + MAX_PAD + 34).fill(0xab))
        expect(() => {
          for (let at = 0; at < all.length; at += size) {
            if (handshake.push(all.subarray(at, at + size)) !== undefined) return
          }
        }).toThrow(ProtocolError)
      },
    ),
  )
})

test("a handshake with one wrong bit is refused, waited for, or says the same", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.constantFrom("a", "b"), (seed, bit, side) => {
      const a = new Initiator({ seed, payload: Uint8Array.of(1, 2, 3) })
      const b = new Responder({ seed: seed + 1 })
      const spoil = (said: Uint8Array): Uint8Array => {
        if (said.length > 0) said[(bit >> 3) % said.length]! ^= 1 << (bit & 7)
        return said
      }
      try {
        for (let turn = 0; turn < 3; turn++) {
          const toB = a.voice.take()
          if (toB.length > 0) b.handshake.push(side === "a" ? spoil(toB) : toB)
          const toA = b.voice.take()
          if (toA.length > 0 && a.handshake.push(side === "b" ? spoil(toA) : toA) !== undefined) return
        }
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError)
      }
    }),
  )
})

test("an initiator who knows the secret can make a responder do nothing but agree, refuse or wait", () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 700 }),
      fc.nat({ max: 0xffffffff }),
      fc.nat({ max: 0xffff }),
      fc.nat({ max: 0xffff }),
      fc.boolean(),
      bytes,
      (padALength, provide, padLength, payloadLength, knows, behind) => {
        const tools = toolsOf(3)
        const keys = new KeyExchange(tools)
        const b = new Responder()
        const greeting = concatBytes(keys.greeting().subarray(0, 96), new Uint8Array(padALength))
        b.handshake.push(greeting.subarray(0, 96))
        const secret = keys.secret(b.voice.take().subarray(0, 96))
        const wanted = knows ? skey : new Uint8Array(20)
        const fields = new Uint8Array(14)
        new DataView(fields.buffer).setUint32(8, provide)
        new DataView(fields.buffer).setUint16(12, padLength)
        const length = Uint8Array.of(payloadLength >> 8, payloadLength)
        const { a } = ciphersOf(tools, secret, wanted)
        const said = concatBytes(
          greeting.subarray(96),
          syncHash(tools, secret),
          maskSkeyHash(tools, secret, skeyHash(tools, wanted)),
          a.apply(concatBytes(fields, new Uint8Array(Math.min(padLength, 1000)), length, behind)),
        )
        const agree = () => b.handshake.push(said)
        const sound = padALength <= MAX_PAD && knows && padLength <= MAX_PAD
        if (!sound || (provide & rc4) === 0) expect(agree).toThrow(ProtocolError)
        else expect(agree()?.rest).toHaveLength(behind.length)
      },
    ),
  )
})

test.each([0, plaintext, 3, 0x80000002])("a responder that selects %i of RC4 alone is left", (selected) => {
  const tools = toolsOf(9)
  const a = new Initiator({ provide: rc4 })
  const keys = new KeyExchange(tools)
  const greeting = keys.greeting()
  const secret = keys.secret(a.voice.take().subarray(0, 96))
  expect(a.handshake.push(greeting)).toBeUndefined()
  const fields = new Uint8Array(14)
  new DataView(fields.buffer).setUint32(8, selected)
  const answer = ciphersOf(tools, secret, skey).b.apply(fields)
  expect(() => a.handshake.push(answer)).toThrow("it chose an encryption that was not offered")
})

test("an initiator whose eight check bytes are not zeros is refused", () => {
  const tools = toolsOf(3)
  const keys = new KeyExchange(tools)
  const b = new Responder()
  b.handshake.push(keys.greeting().subarray(0, 96))
  const secret = keys.secret(b.voice.take().subarray(0, 96))
  const fields = new Uint8Array(16)
  new DataView(fields.buffer).setUint32(8, rc4)
  fields[7] = 1
  const { a } = ciphersOf(tools, secret, skey)
  const said = concatBytes(syncHash(tools, secret), maskSkeyHash(tools, secret, skeyHash(tools, skey)), a.apply(fields))
  expect(() => b.handshake.push(said)).toThrow("its encryption is not ours")
})
