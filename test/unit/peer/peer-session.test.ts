import { describe, expect, test } from "vitest"
import { Bitfield } from "../../../src/bytes/bitfield.js"
import { ProtocolError } from "../../../src/errors.js"
import { PeerSession } from "../../../src/peer/peer-session.js"
import { encodeDontHave } from "../../../src/wire/dont-have.js"
import { encodeExtensionHandshake } from "../../../src/wire/extension.js"
import { encodeHandshake } from "../../../src/wire/handshake.js"
import { infoHash, layout, MemoryStream, ourId, RecordingHost, Scripted, theirId } from "./harness.js"

const BLOCK = 16384

function full(): Bitfield {
  const have = new Bitfield(layout.pieceCount)
  have.fill()
  return have
}

/** Ready, unchoked, and with these blocks asked for. */
async function asking(blocks: readonly number[], options: { fast?: boolean } = {}): Promise<Scripted> {
  const peer = await Scripted.ready(options)
  peer.voice.encoder.unchoke()
  peer.say()
  for (const block of blocks) peer.session.request(block)
  await peer.hearsSoon()
  peer.events()
  return peer
}

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

  test("may be refused by the host, after which nothing happens any more", () => {
    const peer = new Scripted()
    peer.host.react.set("ready", (session) => session.close(new Error("twice")))
    peer.session.attach(peer.stream)
    peer.session.onOpen()
    peer.session.onData(Buffer.concat([encodeHandshake(infoHash, theirId), Buffer.from("0000000101", "hex")]))
    expect(peer.events()).toEqual([["ready"], ["closed", "twice"]])
  })
})

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

describe("asking", () => {
  test("sends all requests of a turn together", async () => {
    const peer = await asking([])
    for (const block of [0, 5, 16, 17]) peer.session.request(block)
    peer.session.request(5)
    expect(peer.stream.written).toHaveLength(0)
    await Promise.resolve()
    expect(peer.stream.written).toHaveLength(1)
    expect(peer.hears()).toEqual([
      ["request", 0, 0, BLOCK],
      ["request", 1, BLOCK, BLOCK],
      ["request", 4, 0, BLOCK],
      ["request", 4, BLOCK, 100],
    ])
    expect(peer.session.outstanding).toBe(4)
    expect(peer.session.room).toBe(28)
  })

  test("brings a block to its memory, and tells how long it took", async () => {
    const peer = await asking([17])
    const memory = new Uint8Array(100)
    peer.host.destination = () => memory
    peer.clock.advance(40)
    peer.sendBlock(17, 7)
    peer.say()
    expect(peer.events()).toEqual([["begin", 17, 100], ["end", 17, "true", 40], ["room"]])
    expect(memory.every((byte) => byte === 7)).toBe(true)
    expect(peer.session.isOutstanding(17)).toBe(false)
    expect(peer.session.downloaded).toBe(100)
  })

  test("offers room once a turn, and only when a quarter of the window is free", async () => {
    const blocks = Array.from({ length: 32 }, (_, i) => i)
    const big = await asking([])
    expect(big.session.room).toBe(32)
    for (const block of blocks.slice(0, 18)) big.session.request(block)
    expect(big.session.room).toBe(14)
    for (const block of blocks.slice(0, 10)) big.sendBlock(block)
    big.say()
    expect(big.host.of("room")).toHaveLength(1)
  })

  test("of a choking peer is not possible", async () => {
    const peer = await Scripted.ready()
    expect(peer.session.room).toBe(0)
    peer.voice.encoder.unchoke()
    peer.say()
    expect(peer.events()).toEqual([["unchoked"], ["room"]])
    expect(peer.session.room).toBe(32)
  })

  test("takes a withdrawn destination in the middle of a block as not written", async () => {
    const peer = await asking([0])
    const memory = new Uint8Array(BLOCK)
    peer.host.destination = () => memory
    peer.sendBlock(0, 1)
    const bytes = peer.voice.bytes()
    peer.session.onData(bytes.subarray(0, 1013))
    expect(peer.session.writer.block).toBe(0)
    peer.session.writer.detach()
    peer.session.onData(bytes.subarray(1013))
    expect(peer.events().filter(([name]) => name === "end")).toEqual([["end", 0, "false", 0]])
    expect(memory[999]).toBe(1)
    expect(memory[1000]).toBe(0)
  })

  test("forgives blocks that nobody asked for, then takes them for a flood", async () => {
    const peer = await asking([])
    for (let i = 0; i < 64; i++) peer.sendBlock(0)
    peer.say()
    expect(peer.events()).toEqual([])
    peer.sendBlock(0)
    peer.say()
    expect(peer.events()).toEqual([["closed", "it answers requests that were never made"]])
  })
})

describe("requests that are not answered", () => {
  test("are dropped by a choke without the fast extension", async () => {
    const peer = await asking([3, 1, 2], { fast: false })
    peer.voice.encoder.choke()
    peer.say()
    expect(peer.events()).toEqual([["dropped", 3], ["dropped", 1], ["dropped", 2], ["choked"]])
    expect(peer.session.outstanding).toBe(0)
  })

  test("wait for their rejects with the fast extension", async () => {
    const peer = await asking([3, 1])
    peer.voice.encoder.choke()
    peer.voice.encoder.rejectRequest(0, 3 * BLOCK, BLOCK)
    peer.sendBlock(1)
    peer.say()
    expect(peer.events()).toEqual([["choked"], ["dropped", 3], ["begin", 1, BLOCK], ["end", 1, "true", 0]])
  })

  test("are dropped when rejected, and nothing is asked until the next tick", async () => {
    const peer = await asking([3])
    peer.voice.encoder.rejectRequest(0, 3 * BLOCK, BLOCK)
    peer.say()
    expect(peer.events()).toEqual([["dropped", 3]])
    expect(peer.session.room).toBe(0)
    peer.pass(250)
    expect(peer.events()).toEqual([["room"]])
    expect(peer.session.room).toBe(32)
  })

  test("are dropped when cancelled, and a late answer does no harm", async () => {
    const peer = await asking([3, 4])
    peer.session.cancel(3)
    peer.session.cancel(3)
    expect(peer.events()).toEqual([["dropped", 3]])
    expect(await peer.hearsSoon()).toEqual([["cancel", 0, 3 * BLOCK, BLOCK]])
    peer.sendBlock(3)
    peer.say()
    expect(peer.events()).toEqual([])
  })

  test("may all be answered late, however many they were", async () => {
    const peer = await asking([])
    for (let round = 0; round < 10; round++) {
      for (let block = 0; block < 16; block++) peer.session.request(block)
      for (let block = 0; block < 16; block++) peer.session.cancel(block)
      for (let block = 0; block < 16; block++) peer.sendBlock(block)
      peer.say()
    }
    expect(peer.host.of("closed")).toEqual([])
  })

  test("are left alone by a cancel when their block is arriving", async () => {
    const peer = await asking([3])
    peer.sendBlock(3)
    const bytes = peer.voice.bytes()
    peer.session.onData(bytes.subarray(0, 5000))
    peer.session.cancel(3)
    peer.session.onData(bytes.subarray(5000))
    expect(peer.events().map(([name]) => name)).toEqual(["begin", "end", "room"])
  })

  test("make the peer snubbed after twenty seconds without a block, until it sends one", async () => {
    const peer = await asking([3, 4])
    peer.pass(19_750)
    expect(peer.session.snubbed).toBe(false)
    peer.pass(250)
    expect(peer.session.snubbed).toBe(true)
    expect(peer.events()).toEqual([["dropped", 3], ["dropped", 4], ["room"]])
    expect(peer.session.room).toBe(1)
    peer.session.request(7)
    peer.sendBlock(7)
    peer.say()
    expect(peer.session.snubbed).toBe(false)
    expect(peer.session.room).toBeGreaterThan(1)
  })

  test("are given up one by one when others overtake them", async () => {
    const peer = await asking([0])
    for (let block = 1; block < 8; block++) {
      peer.session.request(block)
      peer.pass(10_000)
      peer.sendBlock(block)
      peer.say()
    }
    expect(peer.host.of("dropped")).toEqual([["dropped", 0]])
    expect(peer.session.snubbed).toBe(false)
    expect(await peer.hearsSoon()).toContainEqual(["cancel", 0, 0, BLOCK])
  })

  test("are all dropped when the connection closes, before the host hears of its end", async () => {
    const peer = await asking([3, 4])
    peer.sendBlock(3)
    peer.session.onData(peer.voice.bytes().subarray(0, 100))
    const writing = peer.session.writer
    peer.host.react.set("closed", () => expect(writing.block).toBe(3))
    peer.session.onClose(new Error("reset"))
    expect(peer.events()).toEqual([
      ["begin", 3, BLOCK],
      ["dropped", 3],
      ["dropped", 4],
      ["closed", "reset"],
    ])
    peer.session.close()
    peer.session.onClose()
    expect(peer.events()).toEqual([])
    expect(writing.destination).toBeNull()
  })
})

describe("being asked", () => {
  async function asked(options: { fast?: boolean } = {}): Promise<Scripted> {
    const peer = await Scripted.ready(options)
    peer.voice.encoder.interested()
    peer.say()
    peer.session.unchoke()
    expect(await peer.hearsSoon()).toEqual([["unchoke"]])
    peer.events()
    return peer
  }

  test("brings the request to the host, and its block out without a copy", async () => {
    const peer = await asked()
    peer.voice.encoder.request(1, BLOCK, 5)
    peer.say()
    expect(peer.events()).toEqual([["request", 1, BLOCK, 5]])
    const data = Uint8Array.of(1, 2, 3, 4, 5)
    peer.session.sendBlock(1, BLOCK, data)
    expect(peer.stream.written.at(-1)).toBe(data)
    expect(peer.hears()).toEqual([["piece", 1, BLOCK, "0102030405"]])
    expect(peer.session.uploaded).toBe(5)
  })

  test("sends what was said before a block before it", async () => {
    const peer = await asked()
    peer.voice.encoder.request(1, 0, 1)
    peer.say()
    peer.session.sendHave(4)
    peer.session.sendBlock(1, 0, Uint8Array.of(9))
    expect(peer.hears()).toEqual([
      ["have", 4],
      ["piece", 1, 0, "09"],
    ])
  })

  test("answers a request once at most", async () => {
    const peer = await asked()
    peer.voice.encoder.request(1, 0, 1)
    peer.voice.encoder.request(1, 0, 1)
    peer.say()
    expect(peer.events()).toHaveLength(1)
    peer.session.sendBlock(1, 0, Uint8Array.of(9))
    peer.session.sendBlock(1, 0, Uint8Array.of(9))
    peer.session.reject(1, 0, 1)
    peer.session.sendBlock(2, 0, Uint8Array.of(9))
    expect(await peer.hearsSoon()).toHaveLength(1)
  })

  test("tells once of each block's memory that it is free: once it went out, or at once when it does not", async () => {
    const peer = await asked()
    for (const index of [0, 1]) peer.voice.encoder.request(1, index * BLOCK, 1)
    peer.say()
    const free = [0, 0, 0, 0]
    const give = (n: number, begin: number): void =>
      peer.session.sendBlock(1, begin, Uint8Array.of(9), () => free[n]!++)
    give(0, 0)
    give(1, 0)
    expect(free).toEqual([0, 1, 0, 0])
    peer.hears()
    expect(free).toEqual([1, 1, 0, 0])
    give(2, BLOCK)
    peer.session.close()
    give(3, BLOCK)
    expect(free).toEqual([1, 1, 1, 1])
  })

  test("refuses a cancelled request, so that each has an answer", async () => {
    const peer = await asked()
    peer.voice.encoder.request(1, 0, BLOCK)
    peer.voice.encoder.cancel(1, 0, BLOCK)
    peer.voice.encoder.cancel(2, 0, BLOCK)
    peer.say()
    expect(peer.events()).toEqual([
      ["request", 1, 0, BLOCK],
      ["cancel", 1, 0, BLOCK],
    ])
    expect(await peer.hearsSoon()).toEqual([["reject", 1, 0, BLOCK]])
  })

  test("chokes first and then refuses what waits", async () => {
    const peer = await asked()
    peer.voice.encoder.request(1, 0, BLOCK)
    peer.voice.encoder.request(2, 0, BLOCK)
    peer.say()
    peer.session.choke()
    expect(await peer.hearsSoon()).toEqual([["choke"], ["reject", 1, 0, BLOCK], ["reject", 2, 0, BLOCK]])
    peer.session.sendBlock(1, 0, new Uint8Array(BLOCK))
    expect(await peer.hearsSoon()).toEqual([])
  })

  test("while we choke is refused with the fast extension and ignored without", async () => {
    for (const fast of [true, false]) {
      const peer = await Scripted.ready({ fast })
      peer.voice.encoder.request(1, 0, BLOCK)
      peer.say()
      expect(peer.events()).toEqual([])
      expect(await peer.hearsSoon()).toEqual(fast ? [["reject", 1, 0, BLOCK]] : [])
    }
  })

  test("while we choke is served for allowed fast pieces, but not for ever", async () => {
    const peer = await Scripted.ready()
    peer.session.allowFast(4)
    peer.session.allowFast(4)
    expect(await peer.hearsSoon()).toEqual([["allowedFast", 4]])
    for (let i = 0; i < 10; i++) {
      peer.voice.encoder.request(4, 0, 10)
      peer.say()
      peer.session.sendBlock(4, 0, new Uint8Array(10))
    }
    expect(peer.host.of("request")).toHaveLength(6)
    expect((await peer.hearsSoon()).filter(([name]) => name === "reject")).toHaveLength(4)
  })

  test("keeps allowed fast requests over a choke", async () => {
    const peer = await asked()
    peer.session.allowFast(4)
    peer.voice.encoder.request(4, 0, 1)
    peer.voice.encoder.request(3, 0, 1)
    peer.say()
    peer.session.choke()
    peer.session.sendBlock(4, 0, Uint8Array.of(7))
    const heard = await peer.hearsSoon()
    expect(heard).toContainEqual(["reject", 3, 0, 1])
    expect(heard).toContainEqual(["piece", 4, 0, "07"])
  })
})

describe("allowed fast pieces of a choking peer", () => {
  test("may be asked for, until it rejects them", async () => {
    const peer = await Scripted.ready()
    peer.voice.encoder.allowedFast(2)
    peer.voice.encoder.allowedFast(2)
    peer.voice.encoder.allowedFast(99)
    peer.say()
    expect(peer.events()).toEqual([["allowedFast", 2], ["room"]])
    expect([...peer.session.allowedFast]).toEqual([2])
    expect(peer.session.room).toBe(32)
    peer.session.request(8)
    peer.voice.encoder.rejectRequest(2, 0, BLOCK)
    peer.say()
    peer.pass(250)
    expect(peer.session.room).toBe(0)
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
    ["asks for more than 128 KiB", ({ voice }) => voice.encoder.request(0, 0, 131_073)],
    ["cancels what does not exist", ({ voice }) => voice.encoder.cancel(9, 0, 1)],
  ])("when it %s", async (_name, speak) => {
    const peer = await Scripted.ready()
    peer.session.unchoke()
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

  test("when it asks for more than a thousand blocks at a time", async () => {
    const peer = await Scripted.ready()
    peer.session.unchoke()
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
    expect(peer.events()).toEqual([["closed", "it asks and does not read the answers"]])
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

describe("a lost piece (BEP 54)", () => {
  const lose = (peer: Scripted, payload: Uint8Array): void => {
    peer.voice.encoder.extended(3, payload)
    peer.say()
  }

  test.each([true, false])(
    "ends the requests for it, and nothing is asked until the next tick; fast: %s",
    async (fast) => {
      const peer = await asking([3, 5, 1], { fast })
      peer.voice.encoder.bitfield(full().bytes)
      peer.say()
      peer.events()
      lose(peer, encodeDontHave(0))
      expect(peer.events()).toEqual([
        ["dropped", 3],
        ["dropped", 1],
        ["dontHave", 0],
      ])
      expect([...peer.session.pieces!]).toEqual([1, 2, 3, 4])
      expect(peer.session.isOutstanding(5)).toBe(true)
      expect(peer.session.room).toBe(0)
      if (fast) for (const index of [3, 1]) peer.voice.encoder.rejectRequest(0, index * BLOCK, BLOCK)
      peer.say()
      peer.pass(250)
      expect(peer.session.room).toBeGreaterThan(0)
      expect(peer.host.of("closed")).toEqual([])
    },
  )

  test("is news once, and may be had again", async () => {
    const peer = await asking([2])
    peer.voice.encoder.haveAll()
    peer.say()
    peer.events()
    lose(peer, encodeDontHave(0))
    lose(peer, encodeDontHave(0))
    expect(peer.events()).toEqual([
      ["dropped", 2],
      ["dontHave", 0],
    ])
    peer.voice.encoder.have(0)
    peer.say()
    expect(peer.events()).toEqual([["have", 0]])
  })

  test("is nothing to those who said nothing of what they have", async () => {
    const peer = await Scripted.ready()
    lose(peer, encodeDontHave(0))
    expect(peer.events()).toEqual([])
  })

  test.each([
    ["of a piece that does not exist", encodeDontHave(layout.pieceCount), "it lost piece 5, which does not exist"],
    ["of the last number there is", encodeDontHave(0xffffffff), "it lost piece 4294967295, which does not exist"],
    ["too short", new Uint8Array(3), "a lost piece is said in 3 bytes"],
    ["too long", new Uint8Array(5), "a lost piece is said in 5 bytes"],
  ])("ends the connection when it is %s", async (_what, payload, reason) => {
    const peer = await Scripted.ready()
    lose(peer, payload)
    expect(peer.events()).toEqual([["closed", reason]])
  })

  test("is told to those who take it, with their number for it", async () => {
    const peer = await Scripted.ready()
    peer.session.sendDontHave(2)
    expect(await peer.hearsSoon()).toEqual([])
    peer.voice.encoder.extended(0, encodeExtensionHandshake({ messages: new Map([["lt_donthave", 7]]) }))
    peer.say()
    peer.session.sendDontHave(2)
    expect(await peer.hearsSoon()).toEqual([["extended", 7, "00000002"]])
  })
})

describe("the extension protocol", () => {
  test("keeps ids by name, adds and removes them, and sends with the other side's", async () => {
    const peer = await Scripted.ready()
    expect(peer.session.sendExtension("ut_pex", Uint8Array.of(1))).toBe(false)
    const messages = new Map([
      ["ut_pex", 9],
      ["ut_metadata", 3],
    ])
    peer.voice.encoder.extended(
      0,
      encodeExtensionHandshake({ messages, client: "x 1", listenPort: 7, requestQueue: 10 }),
    )
    peer.voice.encoder.unchoke()
    peer.say()
    expect(peer.events()).toEqual([["extended"], ["unchoked"], ["room"]])
    expect(peer.session).toMatchObject({ clientName: "x 1", listenPort: 7, uploadOnly: false, room: 10 })
    expect(peer.session.sendExtension("ut_pex", Uint8Array.of(1, 2))).toBe(true)
    expect(await peer.hearsSoon()).toEqual([["extended", 9, "0102"]])
    peer.voice.encoder.extended(0, encodeExtensionHandshake({ messages: new Map([["ut_pex", 0]]), uploadOnly: true }))
    peer.say()
    expect(peer.session.sendExtension("ut_pex", Uint8Array.of(1))).toBe(false)
    expect(peer.session).toMatchObject({ clientName: "x 1", uploadOnly: true })
  })

  test("passes messages of ours on, and overlooks a broken handshake", async () => {
    const peer = await Scripted.ready()
    peer.voice.encoder.extended(0, new TextEncoder().encode("not bencode"))
    peer.voice.encoder.extended(2, new Uint8Array(5))
    peer.say()
    expect(peer.events()).toEqual([["extension", 2, 5]])
  })

  test("ends with who sends its messages and does not read what comes back", async () => {
    const peer = await Scripted.ready()
    peer.stream.write(new Uint8Array(17 << 20))
    peer.voice.encoder.extended(2, new Uint8Array(5))
    peer.say()
    expect(peer.events()).toEqual([["closed", "it asks and does not read the answers"]])
  })

  test("is not spoken to those who do not offer it", async () => {
    const host = new RecordingHost()
    const stream = new MemoryStream()
    const { clock } = new Scripted()
    const session = new PeerSession({
      host,
      clock,
      layout,
      infoHash,
      peerId: ourId,
      direction: "outgoing",
      clientVersion: "x",
      listenPort: 1,
    })
    session.attach(stream)
    session.onOpen()
    stream.take()
    const handshake = encodeHandshake(infoHash, theirId)
    handshake[25] = 0
    session.onData(handshake)
    await Promise.resolve()
    expect(Buffer.from(stream.take()).toString("hex")).toBe("000000010f")
  })
})
