import { describe, expect, test } from "vitest"
import { Bitfield } from "../../../src/bytes/bitfield.js"
import { BLOCK, layoutOf, RecordingHost, Scripted } from "./harness.js"

describe("what a peer has", () => {
  test("is known from a bitfield, and grows with haves, each told once", async () => {
    const peer = await Scripted.ready()
    peer.voice.encoder.bitfield(Uint8Array.of(0b10100000))
    peer.voice.encoder.have(1)
    peer.voice.encoder.have(1)
    peer.voice.encoder.have(0)
    peer.say()
    expect(peer.events()).toEqual([
      ["pieces", 2, "none"],
      ["have", 1],
    ])
    expect(peer.session.isSeed).toBe(false)
  })

  test("is nothing at first for one who says only what is new", async () => {
    const peer = await Scripted.ready({ fast: false })
    peer.voice.encoder.have(3)
    peer.say()
    expect(peer.events()).toEqual([
      ["pieces", 0, "none"],
      ["have", 3],
    ])
  })

  test("may come late or again, a few times", async () => {
    const peer = await Scripted.ready()
    peer.voice.encoder.have(3)
    peer.voice.encoder.haveAll()
    peer.voice.encoder.bitfield(Uint8Array.of(0x80))
    peer.say()
    expect(peer.events()).toEqual([
      ["pieces", 0, "none"],
      ["have", 3],
      ["pieces", 5, 1],
      ["pieces", 1, 5],
    ])
    for (let i = 0; i < 5; i++) peer.voice.encoder.haveNone()
    peer.say()
    expect(peer.host.of("closed")).toHaveLength(1)
  })

  test("may come in bitfields instead of haves, however often (aria2)", async () => {
    const peer = await Scripted.ready()
    for (const bits of [0x80, 0xc0, 0xe0, 0xf0, 0xf8]) {
      peer.voice.encoder.bitfield(Uint8Array.of(bits))
      peer.say()
    }
    expect(peer.host.of("closed")).toEqual([])
    expect(peer.session.isSeed).toBe(true)
  })

  test("may not come and go without end", async () => {
    const peer = await Scripted.ready()
    for (let i = 0; i < 5; i++) {
      peer.voice.encoder.bitfield(Uint8Array.of(0xf0))
      peer.voice.encoder.bitfield(Uint8Array.of(0x80))
    }
    peer.say()
    expect(peer.host.of("closed")).toEqual([["closed", "it says again and again what it has"]])
  })

  test("makes a seed of it when it is all", async () => {
    const peer = await Scripted.ready()
    peer.voice.encoder.haveAll()
    peer.say()
    expect(peer.session.isSeed).toBe(true)
    expect(peer.session.uploadOnly).toBe(true)
  })
})

describe("what costs us something each time", () => {
  test("is not heard more than four times of where its DHT node is", async () => {
    const peer = await Scripted.ready()
    for (const port of [0, 1, 2, 3, 4, 5]) peer.voice.encoder.port(port)
    peer.say()
    expect(peer.events()).toEqual([1, 2, 3, 4].map((port) => ["port", port]))
  })

  test("is not remembered of more than a hundred pieces that it allows us while it chokes us", async () => {
    const host = new RecordingHost()
    host.have = new Bitfield(150)
    const peer = await Scripted.ready({ host, layout: layoutOf(150 * BLOCK, BLOCK) })
    for (let piece = 0; piece < 150; piece++) peer.voice.encoder.allowedFast(piece)
    peer.say()
    expect(peer.session.allowedFast.size).toBe(100)
    expect(peer.host.of("closed")).toEqual([])
  })
})
