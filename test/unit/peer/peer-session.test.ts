import { describe, expect, test } from "vitest"
import { Bitfield } from "../../../src/bytes/bitfield.js"
import { ProtocolError } from "../../../src/errors.js"
import { encodeHandshake } from "../../../src/wire/handshake.js"
import { asking, BLOCK, full, infoHash, layout, layoutOf, ourId, RecordingHost, Scripted, theirId } from "./harness.js"

describe("the handshake of a session", () => {
  test("is sent when the stream opens, and what we are and have when the other side's is in", async () => {
    const peer = new Scripted()
    peer.session.attach(peer.stream)
    expect(peer.stream.take()).toHaveLength(0)
    peer.session.onOpen()
    expect(peer.stream.take()).toEqual(encodeHandshake(infoHash, ourId))
    const theirs = encodeHandshake(infoHash, theirId)
    peer.session.onData(theirs.subarray(0, 50))
    expect(peer.events()).toEqual([])
    peer.session.onData(theirs.subarray(50))
    expect(peer.events()).toEqual([["ready"]])
    expect(peer.session.peerId).toEqual(theirId)
    expect(peer.session.clientName).toBe("Transmission 3.0")
    const heard = await peer.hearsSoon()
    expect(heard.map((call) => call[0])).toEqual(["extended", "haveNone"])
    expect(Buffer.from(String(heard[0]![2]), "hex").toString("latin1")).toBe(
      "d1:mde4:reqqi500e11:upload_onlyi0e1:v22:academictorrents 0.1.06:yourip4:\xc0\x00\x02\x01e",
    )
  })

  test("of an accepted connection is answered at once, with what was read before", async () => {
    const received = Buffer.concat([encodeHandshake(infoHash, theirId), Buffer.from("0000000102", "hex")])
    const peer = new Scripted({ direction: "incoming", received })
    peer.session.attach(peer.stream)
    expect(peer.events()).toEqual([["ready"], ["interest", "true"]])
    expect(peer.stream.written[0]).toEqual(encodeHandshake(infoHash, ourId))
  })

  test.each([
    ["another torrent", encodeHandshake(new Uint8Array(20), theirId), "the handshake is for another torrent"],
    ["another protocol", new TextEncoder().encode("HTTP/1.1 400"), "the handshake is not BitTorrent's"],
  ])("for %s ends the connection", (_name, bytes, message) => {
    const peer = new Scripted()
    peer.session.attach(peer.stream)
    peer.session.onOpen()
    peer.session.onData(bytes)
    expect(peer.events()).toEqual([["closed", message]])
    expect(peer.stream.destroyed).toBe(true)
  })

  test.each([
    [true, full(), "haveAll"],
    [true, new Bitfield(layout.pieceCount), "haveNone"],
    [false, full(), "bitfield"],
    [false, new Bitfield(layout.pieceCount), undefined],
  ])("is followed by the shortest way to say what we have (fast: %s)", async (fast, have, message) => {
    const host = new RecordingHost()
    host.have = have
    const peer = new Scripted({ host })
    peer.session.attach(peer.stream)
    peer.session.onOpen()
    peer.stream.take()
    const handshake = encodeHandshake(infoHash, theirId)
    if (!fast) handshake[27] = 0
    peer.session.onData(handshake)
    const heard = (await peer.hearsSoon()).map((call) => call[0])
    expect(heard).toEqual(message === undefined ? ["extended"] : ["extended", message])
  })

  test("is followed by an empty message where there is nothing to say: rtorrent waits for one", async () => {
    const peer = new Scripted()
    peer.session.attach(peer.stream)
    peer.session.onOpen()
    peer.stream.take()
    const handshake = encodeHandshake(infoHash, theirId)
    handshake.fill(0, 20, 28) // it knows no extension at all
    peer.session.onData(handshake)
    await Promise.resolve()
    expect(peer.stream.take()).toEqual(new Uint8Array(4))
  })

  test("may be refused by the host, after which nothing happens any more", () => {
    const peer = new Scripted()
    peer.host.react.set("ready", (session) => session.close(new Error("twice")))
    peer.session.attach(peer.stream)
    peer.session.onOpen()
    peer.session.onData(Buffer.concat([encodeHandshake(infoHash, theirId), Buffer.from("0000000101", "hex")]))
    expect(peer.events()).toEqual([["ready"], ["closed", "twice"]])
  })
})

describe("a peer that breaks the protocol is cut off", () => {
  test.each<[string, (peer: Scripted) => void]>([
    ["has a piece that does not exist", ({ voice }) => voice.encoder.have(5)],
    ["sends a bitfield with spare bits", ({ voice }) => voice.encoder.bitfield(Uint8Array.of(0x01))],
    ["sends a bitfield of another length", ({ voice }) => voice.encoder.bitfield(Uint8Array.of(0, 0))],
    ["asks for a piece that does not exist", ({ voice }) => voice.encoder.request(5, 0, 1)],
    ["asks for bytes beyond the end of the last piece", ({ voice }) => voice.encoder.request(4, BLOCK, 101)],
    ["asks for nothing", ({ voice }) => voice.encoder.request(0, 0, 0)],
    ["cancels what does not exist", ({ voice }) => voice.encoder.cancel(9, 0, 1)],
  ])("when it %s", async (_name, speak) => {
    const peer = await Scripted.ready()
    peer.session.uploader.unchoke()
    speak(peer)
    peer.say()
    expect(peer.host.of("closed")).toHaveLength(1)
    expect(peer.stream.destroyed).toBe(true)
  })

  test.each<[string, (peer: Scripted) => void]>([
    ["have all", ({ voice }) => voice.encoder.haveAll()],
    ["have none", ({ voice }) => voice.encoder.haveNone()],
    ["reject request", ({ voice }) => voice.encoder.rejectRequest(0, 0, BLOCK)],
    ["allowed fast", ({ voice }) => voice.encoder.allowedFast(0)],
  ])("when it sends %s without the fast extension", async (name, speak) => {
    const peer = await Scripted.ready({ fast: false })
    speak(peer)
    peer.say()
    expect(peer.events()).toEqual([["closed", `${name} without the fast extension`]])
  })

  test("when it asks for more than 128 KiB in one", async () => {
    const peer = await Scripted.ready({ layout: layoutOf(5 << 18, 1 << 18) })
    peer.session.uploader.unchoke()
    peer.voice.encoder.request(0, 0, 131_072)
    peer.say()
    expect(peer.host.of("closed")).toEqual([])
    peer.voice.encoder.request(0, 0, 131_073)
    peer.say()
    expect(peer.host.of("closed")).toEqual([["closed", "a request for 131073 bytes"]])
  })

  test("when it asks for more than a thousand blocks at a time", async () => {
    const peer = await Scripted.ready()
    peer.session.uploader.unchoke()
    for (let i = 0; i < 1000; i++) peer.voice.encoder.request(0, i, 1)
    peer.say()
    expect(peer.host.of("closed")).toEqual([])
    peer.voice.encoder.request(0, 1000, 1)
    peer.say()
    expect(peer.host.of("closed")).toEqual([["closed", "more than 1000 requests at a time"]])
  })

  test("when it asks and never reads", async () => {
    const peer = await Scripted.ready()
    peer.stream.written.push(new Uint8Array(17 << 20))
    peer.voice.encoder.request(0, 0, 1)
    peer.say()
    expect(peer.events()).toEqual([["closed", "it does not read what it is sent"]])
  })

  test("when it makes us ask anew again and again, and never reads", async () => {
    const peer = await Scripted.ready({ fast: false })
    peer.host.react.set("room", (session) => session.requester.request(0))
    for (let i = 0; i < 4; i++) {
      peer.voice.encoder.unchoke()
      peer.say()
      peer.voice.encoder.choke()
      peer.say()
    }
    expect(peer.host.of("room")).toHaveLength(4)
    peer.stream.written.push(new Uint8Array(17 << 20))
    peer.events()
    peer.pass(250)
    expect(peer.events()).toEqual([["closed", "it does not read what it is sent"]])
  })

  test("with a reason that says what, as a fault of the remote side", async () => {
    const reasons: (Error | undefined)[] = []
    const host = new RecordingHost()
    host.onClosed = (_peer, reason) => reasons.push(reason)
    const peer = await Scripted.ready({ host })
    peer.session.onData(Uint8Array.of(0xff, 0xff, 0xff, 0xff))
    expect(reasons[0]).toBeInstanceOf(ProtocolError)
  })
})

describe("time", () => {
  test("ends a connection that is not established within ten seconds", () => {
    const peer = new Scripted()
    peer.session.attach(peer.stream)
    peer.pass(9_750)
    expect(peer.events()).toEqual([])
    peer.pass(250)
    expect(peer.events()).toEqual([["closed", "connecting took too long"]])
  })

  test("ends a connection without a handshake after ten seconds", () => {
    const peer = new Scripted()
    peer.session.attach(peer.stream)
    peer.pass(5_000)
    peer.session.onOpen()
    peer.pass(9_750)
    expect(peer.events()).toEqual([])
    peer.pass(250)
    expect(peer.events()).toEqual([["closed", "no handshake came"]])
  })

  test("brings a keep-alive after 100 seconds of silence on our side", async () => {
    const peer = await Scripted.ready()
    peer.pass(99_750)
    expect(peer.stream.take()).toHaveLength(0)
    peer.pass(250)
    expect(peer.stream.take()).toEqual(new Uint8Array(4))
  })

  test("brings one after ten while blocks are due and nothing comes", async () => {
    const peer = await asking([3, 4])
    peer.stream.take()
    peer.pass(9_750)
    peer.sendBlock(3)
    peer.say()
    peer.stream.take()
    peer.pass(9_750)
    expect(peer.stream.take()).toHaveLength(0)
    peer.pass(250)
    expect(peer.stream.take()).toEqual(new Uint8Array(4))
    peer.pass(9_750)
    expect(peer.stream.take()).toHaveLength(0)
    peer.pass(250)
    expect(peer.stream.take()).toEqual(new Uint8Array(4))
  })

  test("ends a connection on which nothing comes; a keep-alive is something", async () => {
    const peer = await Scripted.ready()
    peer.pass(100_000)
    peer.session.onData(new Uint8Array(4))
    peer.pass(139_750)
    expect(peer.events()).toEqual([])
    peer.pass(250)
    expect(peer.events()).toEqual([["closed", "nothing came for more than two minutes"]])
  })

  test("does not count while we hold up reading", async () => {
    const peer = await asking([3])
    peer.session.holdReading(true)
    expect(peer.stream.paused).toBe(true)
    peer.pass(300_000)
    peer.session.holdReading(false)
    expect(peer.stream.paused).toBe(false)
    peer.pass(10_000)
    expect(peer.host.of("closed")).toEqual([])
  })

  test("counts in between, however often we hold up reading", async () => {
    const peer = await asking([3])
    for (let second = 0; second < 50; second++) {
      peer.session.holdReading(true)
      peer.pass(500)
      peer.session.holdReading(false)
      peer.pass(500)
      expect(peer.session.requester.snubbed).toBe(second >= 39)
    }
  })

  test("does not count against a block in the middle of which we hold up reading", async () => {
    const peer = await asking([3])
    peer.sendBlock(3)
    const bytes = peer.voice.bytes()
    peer.session.onData(bytes.subarray(0, 100))
    peer.session.holdReading(true)
    peer.pass(300_000)
    peer.session.holdReading(false)
    peer.pass(10_000)
    expect(peer.host.of("closed")).toEqual([])
    peer.session.onData(bytes.subarray(100))
    expect(peer.host.of("end")).toHaveLength(1)
  })

  test("ends a connection whose block drips in over two minutes", async () => {
    const peer = await asking([3])
    peer.sendBlock(3)
    const bytes = peer.voice.bytes()
    for (let i = 0; i < 13; i++) {
      peer.session.onData(bytes.subarray(100 * i, 100 * (i + 1)))
      peer.pass(10_000)
    }
    expect(peer.host.of("closed")).toEqual([["closed", "a block took more than two minutes"]])
  })
})
