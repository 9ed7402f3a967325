import { createDiffieHellman, createHash } from "node:crypto"
import { describe, expect, test } from "vitest"
import { DH_KEY_LENGTH, publicKey, sharedSecret } from "../../../src/wire/diffie-hellman.js"
import { Initiator, Responder, skey, toolsOf } from "./mse-parties.js"

// The other side, once more and by other means: OpenSSL's key exchange, and RC4 as it is in every textbook.

const PRIME =
  "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563"
const dh = createDiffieHellman(PRIME, "hex", 2)
dh.generateKeys()

const padded = (key: Buffer): Buffer => Buffer.concat([Buffer.alloc(96 - key.length), key])
const sha1 = (...parts: (string | Uint8Array)[]): Buffer => {
  const hash = createHash("sha1")
  for (const part of parts) hash.update(part)
  return hash.digest()
}
const xor = (a: Uint8Array, b: Uint8Array): Buffer => Buffer.from(a.map((byte, i) => byte ^ b[i]!))

/** RC4 without its first 1024 bytes. */
function* keyStream(key: Uint8Array): Generator<number, never> {
  const s = Array.from({ length: 256 }, (_, i) => i)
  const swap = (a: number, b: number): void => {
    ;[s[a], s[b]] = [s[b]!, s[a]!]
  }
  for (let i = 0, j = 0; i < 256; i++) {
    j = (j + s[i]! + key[i % key.length]!) % 256
    swap(i, j)
  }
  for (let n = 1, j = 0; ; n++) {
    const i = n % 256
    j = (j + s[i]!) % 256
    swap(i, j)
    if (n > 1024) yield s[(s[i]! + s[j]!) % 256]!
  }
}

function cipher(key: Uint8Array): (bytes: Uint8Array) => Buffer {
  const stream = keyStream(key)
  return (bytes) => Buffer.from(bytes.map((byte) => byte ^ stream.next().value))
}

const VC = Buffer.alloc(8)
const RC4 = Buffer.from("00000002", "hex")
const PLAIN_OR_RC4 = Buffer.from("00000003", "hex")
const twoBytes = (value: number): Buffer => Buffer.of(value >> 8, value & 255)

describe("the encrypted handshake", () => {
  test("is answered to one who knows it from its description", () => {
    const responder = new Responder()
    responder.handshake.push(Buffer.concat([padded(dh.getPublicKey()), Buffer.alloc(512, 0x11)]))
    const greeting = responder.voice.take()
    const secret = padded(dh.computeSecret(Buffer.from(greeting.subarray(0, 96))))
    const send = cipher(sha1("keyA", secret, skey))
    const receive = cipher(sha1("keyB", secret, skey))
    const payload = Buffer.from("\u0013BitTorrent protocol", "latin1")
    const agreement = responder.handshake.push(
      Buffer.concat([
        sha1("req1", secret),
        xor(sha1("req2", skey), sha1("req3", secret)),
        send(Buffer.concat([VC, PLAIN_OR_RC4, twoBytes(77), Buffer.alloc(77), twoBytes(payload.length), payload])),
      ]),
    )
    expect(agreement?.skey).toEqual(skey)
    expect(Buffer.from(agreement!.decrypt.apply(agreement!.rest))).toEqual(payload)
    const answer = receive(responder.voice.take())
    expect(answer.subarray(0, 12)).toEqual(Buffer.concat([VC, RC4]))
    expect(answer).toHaveLength(14 + answer.readUInt16BE(12))
    expect(receive(agreement!.encrypt!.apply(Uint8Array.of(1, 2, 3)))).toEqual(Buffer.of(1, 2, 3))
    expect(Buffer.from(agreement!.decrypt.apply(new Uint8Array(send(Buffer.of(4, 5)))))).toEqual(Buffer.of(4, 5))
  })

  test("is begun with one who knows it from its description", () => {
    const payload = Buffer.from("\u0013BitTorrent protocol", "latin1")
    const initiator = new Initiator({ payload })
    const greeting = initiator.voice.take()
    const secret = padded(dh.computeSecret(Buffer.from(greeting.subarray(0, 96))))
    initiator.handshake.push(Buffer.concat([padded(dh.getPublicKey()), Buffer.alloc(512, 0x22)]))
    const receive = cipher(sha1("keyA", secret, skey))
    const send = cipher(sha1("keyB", secret, skey))
    const said = Buffer.from(initiator.voice.take())
    expect(said.subarray(0, 20)).toEqual(sha1("req1", secret))
    expect(xor(said.subarray(20, 40), sha1("req3", secret))).toEqual(sha1("req2", skey))
    const fields = receive(said.subarray(40))
    expect(fields.subarray(0, 12)).toEqual(Buffer.concat([VC, PLAIN_OR_RC4]))
    const behindPad = fields.subarray(14 + fields.readUInt16BE(12))
    expect(behindPad).toEqual(Buffer.concat([twoBytes(payload.length), payload]))
    const answer = send(Buffer.concat([VC, RC4, twoBytes(512), Buffer.alloc(512)]))
    const agreement = initiator.handshake.push(Buffer.concat([answer, send(Buffer.of(7, 8, 9))]))
    expect(Buffer.from(agreement!.decrypt.apply(agreement!.rest))).toEqual(Buffer.of(7, 8, 9))
    expect(receive(agreement!.encrypt!.apply(Uint8Array.of(1)))).toEqual(Buffer.of(1))
  })

  test("has 512 bytes of padding at most", () => {
    const responder = new Responder()
    responder.handshake.push(padded(dh.getPublicKey()))
    const theirKey = Buffer.from(responder.voice.take().subarray(0, 96))
    const sync = sha1("req1", padded(dh.computeSecret(theirKey)))
    expect(() => responder.handshake.push(Buffer.concat([Buffer.alloc(513), sync]))).toThrow("does not end")

    const initiator = new Initiator()
    const secret = padded(dh.computeSecret(Buffer.from(initiator.voice.take().subarray(0, 96))))
    initiator.handshake.push(padded(dh.getPublicKey()))
    const answer = cipher(sha1("keyB", secret, skey))(Buffer.concat([VC, RC4, twoBytes(0)]))
    expect(() => initiator.handshake.push(Buffer.concat([Buffer.alloc(513), answer]))).toThrow("does not end")
  })
})

test("who answers makes a secret without a leading zero, which rtorrent would leave out", () => {
  const theirs = new Uint8Array(20).fill(7)
  const secretWith = (key: Uint8Array): Uint8Array => sharedSecret(key, theirs)!
  const unlucky = Array.from({ length: 5000 }, (_, seed) => seed).find((seed) => {
    const first = toolsOf(seed).random.bytes(20)
    return sharedSecret(publicKey(theirs), first)![0] === 0
  })
  expect(unlucky).toBeDefined()
  const responder = new Responder({ seed: unlucky! })
  responder.handshake.push(publicKey(theirs))
  expect(secretWith(responder.voice.take(DH_KEY_LENGTH))[0]).not.toBe(0)
})
