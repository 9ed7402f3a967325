import { describe, expect, it } from "vitest"
import { Said } from "../../../src/peer/said.js"
import { WireDecoder } from "../../../src/wire/decoder.js"
import { RecordingSink } from "../wire/calls.js"

/** How many messages of a kind are said again. */
function replayed(said: Said, kind: string): number {
  const sink = new RecordingSink()
  new WireDecoder(sink, undefined).push(said.replay(new Uint8Array(0)))
  return sink.calls.filter(([name]) => name === kind).length
}

describe("what a peer says before it can be made sense of", () => {
  it("is remembered up to ten thousand haves", () => {
    const said = new Said()
    for (let piece = 0; piece < 10_000; piece++) said.have(piece)
    expect(said.complete).toBe(true)
    said.have(10_000)
    expect(said.complete).toBe(false)
    expect(replayed(said, "have")).toBe(10_000)
  })

  it("is remembered up to a hundred pieces that it allows us", () => {
    const said = new Said()
    for (let piece = 0; piece < 150; piece++) said.allowFast(piece)
    expect(replayed(said, "allowedFast")).toBe(100)
  })

  it.each([
    ["sixteen extended handshakes", 16, 2],
    ["64 KiB of extended handshakes", 4, 1 << 14],
  ])("is remembered up to %s", (_, count, length) => {
    const said = new Said()
    for (let n = 0; n < count; n++) said.extensionHandshake(new Uint8Array(length))
    expect(said.complete).toBe(true)
    said.extensionHandshake(new Uint8Array(length))
    expect(said.complete).toBe(false)
    expect(replayed(said, "extended")).toBe(count)
  })
})
