import { describe, expect, test } from "vitest"
import { asking, BLOCK, Scripted } from "./harness.js"

describe("asking", () => {
  test("sends all requests of a turn together", async () => {
    const peer = await asking([])
    for (const block of [0, 5, 16, 17]) peer.session.requester.request(block)
    peer.session.requester.request(5)
    expect(peer.stream.written).toHaveLength(0)
    await Promise.resolve()
    expect(peer.stream.written).toHaveLength(1)
    expect(peer.hears()).toEqual([
      ["request", 0, 0, BLOCK],
      ["request", 1, BLOCK, BLOCK],
      ["request", 4, 0, BLOCK],
      ["request", 4, BLOCK, 100],
    ])
    expect(peer.session.requester.outstanding).toBe(4)
    expect(peer.session.requester.room).toBe(28)
  })

  test("brings a block to its memory", async () => {
    const peer = await asking([17])
    const memory = new Uint8Array(100)
    peer.host.destination = () => memory
    peer.sendBlock(17, 7)
    peer.say()
    expect(peer.events()).toEqual([["begin", 17], ["end", 17], ["room"]])
    expect(memory.every((byte) => byte === 7)).toBe(true)
    expect(peer.session.requester.isOutstanding(17)).toBe(false)
    expect(peer.session.downloaded).toBe(100)
  })

  test("offers room once a turn, and only when a quarter of the window is free", async () => {
    const blocks = Array.from({ length: 32 }, (_, i) => i)
    const big = await asking([])
    expect(big.session.requester.room).toBe(32)
    for (const block of blocks.slice(0, 18)) big.session.requester.request(block)
    expect(big.session.requester.room).toBe(14)
    for (const block of blocks.slice(0, 10)) big.sendBlock(block)
    big.say()
    expect(big.host.of("room")).toHaveLength(1)
  })

  test("of a choking peer is not possible", async () => {
    const peer = await Scripted.ready()
    expect(peer.session.requester.room).toBe(0)
    peer.voice.encoder.unchoke()
    peer.say()
    expect(peer.events()).toEqual([["room"]])
    expect(peer.session.requester.room).toBe(32)
  })

  test("writes no more of a block to memory that was withdrawn in its middle", async () => {
    const peer = await asking([0])
    const memory = new Uint8Array(BLOCK)
    peer.host.destination = () => memory
    peer.sendBlock(0, 1)
    const bytes = peer.voice.bytes()
    peer.session.onData(bytes.subarray(0, 1013))
    expect(peer.session.writer.block).toBe(0)
    peer.session.writer.detach()
    peer.session.onData(bytes.subarray(1013))
    expect(peer.host.of("end")).toEqual([["end", 0]])
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
    expect(peer.session.requester.outstanding).toBe(0)
  })

  test("wait for their rejects with the fast extension", async () => {
    const peer = await asking([3, 1])
    peer.voice.encoder.choke()
    peer.voice.encoder.rejectRequest(0, 3 * BLOCK, BLOCK)
    peer.sendBlock(1)
    peer.say()
    expect(peer.events()).toEqual([["choked"], ["dropped", 3], ["begin", 1], ["end", 1]])
  })

  test("are dropped when rejected, and nothing is asked until the next tick", async () => {
    const peer = await asking([3])
    peer.voice.encoder.rejectRequest(0, 3 * BLOCK, BLOCK)
    peer.say()
    expect(peer.events()).toEqual([["dropped", 3]])
    expect(peer.session.requester.room).toBe(0)
    peer.pass(250)
    expect(peer.events()).toEqual([["room"]])
    expect(peer.session.requester.room).toBe(32)
  })

  test("are dropped when cancelled, and a late answer does no harm", async () => {
    const peer = await asking([3, 4])
    peer.session.requester.cancel(3)
    peer.session.requester.cancel(3)
    expect(peer.events()).toEqual([["dropped", 3]])
    expect(await peer.hearsSoon()).toEqual([["cancel", 0, 3 * BLOCK, BLOCK]])
    peer.sendBlock(3)
    peer.say()
    expect(peer.events()).toEqual([])
  })

  test("may all be answered late, however many they were", async () => {
    const peer = await asking([])
    for (let round = 0; round < 10; round++) {
      for (let block = 0; block < 16; block++) peer.session.requester.request(block)
      for (let block = 0; block < 16; block++) peer.session.requester.cancel(block)
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
    peer.session.requester.cancel(3)
    peer.session.onData(bytes.subarray(5000))
    expect(peer.events().map(([name]) => name)).toEqual(["begin", "end", "room"])
  })

  test("make the peer snubbed after twenty seconds without a block, until it sends one", async () => {
    const peer = await asking([3, 4])
    peer.pass(19_750)
    expect(peer.session.requester.snubbed).toBe(false)
    peer.pass(250)
    expect(peer.session.requester.snubbed).toBe(true)
    expect(peer.events()).toEqual([["dropped", 3], ["dropped", 4], ["room"]])
    expect(peer.session.requester.room).toBe(1)
    peer.session.requester.request(7)
    peer.sendBlock(7)
    peer.say()
    expect(peer.session.requester.snubbed).toBe(false)
    expect(peer.session.requester.room).toBeGreaterThan(1)
  })

  test("do not make a peer snubbed that choked us meanwhile: some forget to reject", async () => {
    const peer = await asking([3, 4])
    peer.voice.encoder.choke()
    peer.say()
    peer.pass(20_000)
    expect(peer.host.of("dropped")).toEqual([
      ["dropped", 3],
      ["dropped", 4],
    ])
    peer.voice.encoder.unchoke()
    peer.say()
    expect(peer.session.requester.snubbed).toBe(false)
    expect(peer.session.requester.room).toBe(32)
  })

  test("are given up one by one when others overtake them", async () => {
    const peer = await asking([0])
    for (let block = 1; block < 8; block++) {
      peer.session.requester.request(block)
      peer.pass(10_000)
      peer.sendBlock(block)
      peer.say()
    }
    expect(peer.host.of("dropped")).toEqual([["dropped", 0]])
    expect(peer.session.requester.snubbed).toBe(false)
    expect(await peer.hearsSoon()).toContainEqual(["cancel", 0, 0, BLOCK])
  })

  test("are not given up when others overtook them but their block is arriving at last", async () => {
    const peer = await asking([0])
    for (let block = 1; block <= 5; block++) {
      peer.session.requester.request(block)
      peer.pass(10_000)
      peer.sendBlock(block)
      peer.say()
    }
    peer.sendBlock(0)
    const bytes = peer.voice.bytes()
    peer.session.onData(bytes.subarray(0, 5000))
    peer.pass(15_000)
    peer.session.onData(bytes.subarray(5000))
    expect(peer.host.of("dropped")).toEqual([])
    expect(peer.host.of("end")).toContainEqual(["end", 0])
  })

  test("wait their turn at a slow peer, however long, also while it pauses between blocks", async () => {
    const blocks = Array.from({ length: 16 }, (_, i) => i)
    const peer = await asking(blocks)
    for (const block of blocks) {
      peer.pass(6000)
      peer.sendBlock(block)
      peer.say()
    }
    expect(peer.host.of("end")).toHaveLength(16)
    expect(peer.host.of("dropped")).toEqual([])
    expect(peer.session.requester.snubbed).toBe(false)
  })

  test("are all dropped when the connection closes, before the host hears of its end", async () => {
    const peer = await asking([3, 4])
    peer.sendBlock(3)
    peer.session.onData(peer.voice.bytes().subarray(0, 100))
    const writing = peer.session.writer
    peer.host.react.set("closed", () => expect(writing.block).toBe(3))
    peer.session.onClose(new Error("reset"))
    expect(peer.events()).toEqual([
      ["begin", 3],
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

describe("allowed fast pieces of a choking peer", () => {
  test("may be asked for, until it rejects them", async () => {
    const peer = await Scripted.ready()
    peer.voice.encoder.allowedFast(2)
    peer.voice.encoder.allowedFast(2)
    peer.voice.encoder.allowedFast(99)
    peer.say()
    expect(peer.events()).toEqual([["room"]])
    expect([...peer.session.allowedFast]).toEqual([2])
    expect(peer.session.requester.room).toBe(32)
    peer.session.requester.request(8)
    peer.voice.encoder.rejectRequest(2, 0, BLOCK)
    peer.say()
    peer.pass(250)
    expect(peer.session.requester.room).toBe(0)
  })
})
