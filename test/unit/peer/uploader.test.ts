import { describe, expect, test } from "vitest"
import { BLOCK, Scripted } from "./harness.js"

describe("being asked", () => {
  async function asked(options: { fast?: boolean } = {}): Promise<Scripted> {
    const peer = await Scripted.ready(options)
    peer.voice.encoder.interested()
    peer.say()
    peer.session.uploader.unchoke()
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
    peer.session.uploader.sendBlock(1, BLOCK, data)
    expect(peer.stream.written.at(-1)).toBe(data)
    expect(peer.hears()).toEqual([["piece", 1, BLOCK, "0102030405"]])
    expect(peer.session.uploaded).toBe(5)
  })

  test("sends what was said before a block before it", async () => {
    const peer = await asked()
    peer.voice.encoder.request(1, 0, 1)
    peer.say()
    peer.session.sendHave(4)
    peer.session.uploader.sendBlock(1, 0, Uint8Array.of(9))
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
    peer.session.uploader.sendBlock(1, 0, Uint8Array.of(9))
    peer.session.uploader.sendBlock(1, 0, Uint8Array.of(9))
    peer.session.uploader.reject(1, 0, 1)
    peer.session.uploader.sendBlock(2, 0, Uint8Array.of(9))
    expect(await peer.hearsSoon()).toHaveLength(1)
  })

  test("tells once of each block's memory that it is free: once it went out, or at once when it does not", async () => {
    const peer = await asked()
    for (const index of [0, 1]) peer.voice.encoder.request(1, index * BLOCK, 1)
    peer.say()
    const free = [0, 0, 0, 0]
    const give = (n: number, begin: number): boolean =>
      peer.session.uploader.sendBlock(1, begin, Uint8Array.of(9), () => free[n]!++)
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
    expect(peer.session.uploader.waiting).toBe(0)
    expect(await peer.hearsSoon()).toEqual([["reject", 1, 0, BLOCK]])
  })

  test("chokes first and then refuses what waits", async () => {
    const peer = await asked()
    peer.voice.encoder.request(1, 0, BLOCK)
    peer.voice.encoder.request(2, 0, BLOCK)
    peer.say()
    peer.session.uploader.choke()
    expect(await peer.hearsSoon()).toEqual([["choke"], ["reject", 1, 0, BLOCK], ["reject", 2, 0, BLOCK]])
    peer.session.uploader.sendBlock(1, 0, new Uint8Array(BLOCK))
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
    peer.session.uploader.allowFast(4)
    peer.session.uploader.allowFast(4)
    expect(await peer.hearsSoon()).toEqual([["allowedFast", 4]])
    for (let i = 0; i < 10; i++) {
      peer.voice.encoder.request(4, 0, 10)
      peer.say()
      peer.session.uploader.sendBlock(4, 0, new Uint8Array(10))
    }
    expect(peer.host.of("request")).toHaveLength(6)
    expect((await peer.hearsSoon()).filter(([name]) => name === "reject")).toHaveLength(4)
  })

  test("keeps allowed fast requests over a choke", async () => {
    const peer = await asked()
    peer.session.uploader.allowFast(4)
    peer.voice.encoder.request(4, 0, 1)
    peer.voice.encoder.request(3, 0, 1)
    peer.say()
    peer.session.uploader.choke()
    peer.session.uploader.sendBlock(4, 0, Uint8Array.of(7))
    const heard = await peer.hearsSoon()
    expect(heard).toContainEqual(["reject", 3, 0, 1])
    expect(heard).toContainEqual(["piece", 4, 0, "07"])
  })
})
