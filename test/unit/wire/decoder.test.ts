import { describe, expect, test } from "vitest"
import { fromHex } from "../../../src/bytes/hex.js"
import { ProtocolError } from "../../../src/errors.js"
import { WireDecoder } from "../../../src/wire/decoder.js"
import { type Call, Output, RecordingSink } from "./calls.js"

/** Pieces of the torrents here: a bitfield of 3 bytes. */
const PIECES = 20

function decode(...chunks: (Uint8Array | string)[]): readonly Call[] {
  const sink = new RecordingSink()
  const decoder = new WireDecoder(sink, PIECES)
  for (const chunk of chunks) decoder.push(typeof chunk === "string" ? fromHex(chunk.replaceAll(" ", ""))! : chunk)
  return sink.calls
}

describe("the decoder", () => {
  test.each<[string, string, Call | undefined]>([
    ["keep-alive", "00000000", undefined],
    ["choke", "00000001 00", ["choke"]],
    ["unchoke", "00000001 01", ["unchoke"]],
    ["interested", "00000001 02", ["interested"]],
    ["not interested", "00000001 03", ["notInterested"]],
    ["have", "00000005 04 80000001", ["have", 0x80000001]],
    ["bitfield", "00000004 05 ff00f0", ["bitfield", "ff00f0"]],
    ["request", "0000000d 06 00000003 00004000 00004000", ["request", 3, 16384, 16384]],
    ["piece", "0000000b 07 00000003 00004000 abcd", ["piece", 3, 16384, "abcd"]],
    ["an empty piece", "00000009 07 00000003 00004000", ["piece", 3, 16384, ""]],
    ["cancel", "0000000d 08 00000003 00004000 00004000", ["cancel", 3, 16384, 16384]],
    ["port", "00000003 09 1ae1", ["port", 6881]],
    ["suggest piece", "00000005 0d 00000007", ["suggest", 7]],
    ["have all", "00000001 0e", ["haveAll"]],
    ["have none", "00000001 0f", ["haveNone"]],
    ["reject", "0000000d 10 00000003 00004000 00004000", ["reject", 3, 16384, 16384]],
    ["allowed fast", "00000005 11 00000007", ["allowedFast", 7]],
    ["extended", "00000004 14 00 6465", ["extended", 0, "6465"]],
    ["extended without a payload", "00000002 14 03", ["extended", 3, ""]],
    ["a short message of an unknown id", "00000003 63 0102", undefined],
    ["a long message of an unknown id", `00000030 63 ${"00".repeat(47)}`, undefined],
    ["a request for hashes", `00000031 15 ${"0a".repeat(48)}`, ["hashes", 21, "0a".repeat(48)]],
    ["hashes", `00000051 16 ${"0b".repeat(80)}`, ["hashes", 22, "0b".repeat(80)]],
    ["a hash reject", `00000031 17 ${"0c".repeat(48)}`, ["hashes", 23, "0c".repeat(48)]],
  ])("reads %s, whole or byte by byte, and what comes after it", (_name, hex, call) => {
    const expected = [...(call === undefined ? [] : [call]), ["unchoke"]]
    const bytes = fromHex(`${hex}0000000101`.replaceAll(" ", ""))!
    expect(decode(bytes)).toEqual(expected)
    expect(decode(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(expected)
  })

  test.each([
    ["a choke with a payload", "00000002 00"],
    ["a request for hashes without its end", "00000030 15"],
    ["hashes without a header", "00000030 16"],
    ["more hashes than we ask for", "00008000 16"],
    ["a have without its piece", "00000001 04"],
    ["a bitfield of another torrent's length", "00000005 05"],
    ["a bitfield that ends too soon", "00000003 05"],
    ["a request that is too short", "0000000c 06"],
    ["a request that is too long", "0000000e 06"],
    ["a piece without a header", "00000008 07"],
    ["a block above 128 KiB", "0002000a 07"],
    ["an extended message without an id", "00000001 14"],
    ["an extended message above 1 MiB", "00100002 14"],
    ["an unknown message above 1 MiB", "00100002 63"],
  ])("refuses %s as soon as length and id are there", (_name, hex) => {
    expect(() => decode(hex)).toThrow(ProtocolError)
    expect(() => decode(hex.slice(0, 4), hex.slice(4))).toThrow(ProtocolError)
  })

  test("refuses a huge length before anything else of the message has come", () => {
    expect(() => decode("ffffffff")).toThrow("a message of 4294967295 bytes")
    expect(() => decode("00100002")).toThrow(ProtocolError)
  })

  test("reserves memory for what has come, not for what a length announces", () => {
    const decoder = new WireDecoder(new RecordingSink(), PIECES)
    decoder.push(fromHex("0010000114" + "00")!)
    expect(decoder.buffered).toBe(0)
    decoder.push(new Uint8Array(10))
    expect(decoder.buffered).toBeLessThanOrEqual(4096)
    for (let i = 0; i < 100; i++) decoder.push(new Uint8Array(1000))
    expect(decoder.buffered).toBeLessThanOrEqual(2 * 101_000)
  })

  test("gives the memory of a gathered message back", () => {
    const sink = new RecordingSink()
    const decoder = new WireDecoder(sink, 800_000)
    const output = new Output()
    output.encoder.bitfield(new Uint8Array(100_000))
    const bytes = output.bytes()
    for (let at = 0; at < bytes.length; at += 1000) decoder.push(bytes.subarray(at, at + 1000))
    expect(sink.calls).toHaveLength(1)
    expect(decoder.buffered).toBe(0)
  })

  test("asks where a block goes before each copy, so that it can be taken away in the middle", () => {
    const sink = new RecordingSink()
    const decoder = new WireDecoder(sink, PIECES)
    const destination = new Uint8Array(4)
    sink.beginBlock = () => {
      sink.writer.destination = destination
    }
    sink.endBlock = () => {
      sink.calls.push(["end"])
    }
    decoder.push(fromHex("0000000d0700000000000000000102")!)
    expect(decoder.insideBlock).toBe(true)
    sink.writer.destination = null
    decoder.push(fromHex("0304" + "0000000100")!)
    expect(decoder.insideBlock).toBe(false)
    expect([...destination]).toEqual([1, 2, 0, 0])
    expect(sink.calls).toEqual([["end"], ["choke"]])
  })

  test("skips a block nobody wants", () => {
    const sink = new RecordingSink()
    sink.beginBlock = () => {}
    sink.endBlock = () => {}
    new WireDecoder(sink, PIECES).push(fromHex("0000000d070000000000000000010203040000000101")!)
    expect(sink.calls).toEqual([["unchoke"]])
  })

  test("goes silent in the middle of a chunk when it is stopped", () => {
    const sink = new RecordingSink()
    const decoder = new WireDecoder(sink, PIECES)
    sink.onChoke = () => decoder.stop()
    decoder.push(fromHex("00000001010000000100" + "0000000101")!)
    decoder.push(fromHex("0000000101")!)
    expect(sink.calls).toEqual([["unchoke"]])
  })
})
