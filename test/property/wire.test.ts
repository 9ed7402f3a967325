import fc from "fast-check"
import { expect, test } from "vitest"
import { toHex } from "../../src/bytes/hex.js"
import { ProtocolError } from "../../src/errors.js"
import { WireDecoder } from "../../src/wire/decoder.js"
import { readHashHeader, writeHashHeader } from "../../src/wire/hash-messages.js"
import { longestMessage } from "../../src/wire/message.js"
import { type Call, Output, RecordingSink } from "../unit/wire/calls.js"

const PIECES = 77
const BITFIELD_LENGTH = 10

const number = fc.integer({ min: 0, max: 0xffffffff })
const range = fc.tuple(number, number, number)
const bytes = fc.uint8Array({ maxLength: 300 })

/** Writes one message, and says what call it must become (none for keep-alives). */
type Message = (output: Output) => Call | undefined

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.constant<Message>((output) => {
    output.encoder.keepAlive()
    return undefined
  }),
  fc
    .constantFrom("choke", "unchoke", "interested", "notInterested", "haveAll", "haveNone")
    .map<Message>((name) => (output) => {
      output.encoder[name]()
      return [name]
    }),
  fc.tuple(fc.constantFrom("have", "allowedFast"), number).map<Message>(([name, piece]) => (output) => {
    output.encoder[name](piece)
    return [name, piece]
  }),
  fc.tuple(fc.constantFrom("request", "cancel"), range).map<Message>(([name, values]) => (output) => {
    output.encoder[name](...values)
    return [name, ...values]
  }),
  range.map<Message>((values) => (output) => {
    output.encoder.rejectRequest(...values)
    return ["reject", ...values]
  }),
  fc.uint8Array({ minLength: BITFIELD_LENGTH, maxLength: BITFIELD_LENGTH }).map<Message>((field) => (output) => {
    output.encoder.bitfield(field)
    return ["bitfield", toHex(field)]
  }),
  fc.tuple(fc.nat({ max: 255 }), bytes).map<Message>(([id, payload]) => (output) => {
    output.encoder.extended(id, payload)
    return ["extended", id, toHex(payload)]
  }),
  fc
    .tuple(
      fc.record({
        root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
        base: number,
        index: number,
        length: number,
        proofLayers: number,
      }),
      fc.nat({ max: 20 }),
    )
    .map<Message>(([request, count]) => (output) => {
      const hashes = new Uint8Array(32 * count).fill(count)
      const id = count === 0 ? 21 : count === 1 ? 23 : 22
      if (id === 21) output.encoder.hashRequest(request)
      else if (id === 23) output.encoder.hashReject(request)
      else output.encoder.hashes(request, hashes)
      const header = new Uint8Array(48)
      writeHashHeader(header, 0, request)
      expect(readHashHeader(header)).toEqual(request)
      return ["hashes", id, toHex(header) + (id === 22 ? toHex(hashes) : "")]
    }),
  fc.tuple(number, number, bytes).map<Message>(([piece, begin, data]) => (output) => {
    output.block(piece, begin, data)
    return ["piece", piece, begin, toHex(data)]
  }),
)

function pushInParts(decoder: WireDecoder, stream: Uint8Array, sizes: readonly number[]): void {
  // One buffer for all chunks, overwritten each time, as a socket's is.
  const buffer = new Uint8Array(Math.max(1, ...sizes))
  for (let at = 0, i = 0; at < stream.length; i++) {
    const size = Math.min(sizes[i % sizes.length]!, stream.length - at)
    buffer.set(stream.subarray(at, at + size))
    decoder.push(buffer.subarray(0, size))
    buffer.fill(0xee)
    at += size
  }
}

const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 })

test("what is encoded is decoded to the same calls, however the stream is cut", () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 40 }), sizes, (messages, cuts) => {
      const output = new Output()
      const expected = messages.map((write) => write(output)).filter((call) => call !== undefined)
      const sink = new RecordingSink()
      pushInParts(new WireDecoder(sink, PIECES), output.bytes(), cuts)
      expect(sink.calls).toEqual(expected)
    }),
    { numRuns: 1000 },
  )
})

test("any bytes at all end in calls or a protocol error, with memory bounded by the longest message", () => {
  const lengthPrefix = fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 1 << 21 }), number)
  const part = fc.oneof(
    bytes,
    fc.tuple(lengthPrefix, fc.nat({ max: 255 }), bytes).map(([length, id, body]) => {
      const framed = new Uint8Array(5 + body.length)
      new DataView(framed.buffer).setUint32(0, length)
      framed[4] = id
      framed.set(body, 5)
      return framed
    }),
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 20 }), sizes, (parts, cuts) => {
      const decoder = new WireDecoder(new RecordingSink(), PIECES)
      try {
        pushInParts(decoder, new Uint8Array(Buffer.concat(parts)), cuts)
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError)
      }
      expect(decoder.buffered).toBeLessThanOrEqual(longestMessage(BITFIELD_LENGTH))
    }),
    { numRuns: 1000 },
  )
})
