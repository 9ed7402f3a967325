import { describe, expect, test } from "vitest"
import { ProtocolError } from "../../../src/errors.js"
import { UPLOAD_ONLY_ID } from "../../../src/peer/extension-ids.js"
import { PeerSession } from "../../../src/peer/peer-session.js"
import { encodeDontHave } from "../../../src/wire/dont-have.js"
import { decodeExtensionHandshake, encodeExtensionHandshake } from "../../../src/wire/extension.js"
import { encodeHandshake } from "../../../src/wire/handshake.js"
import {
  asking,
  BLOCK,
  full,
  infoHash,
  layout,
  MemoryStream,
  ourId,
  RecordingHost,
  Scripted,
  theirId,
} from "./harness.js"

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
      expect(peer.session.requester.isOutstanding(5)).toBe(true)
      expect(peer.session.requester.room).toBe(0)
      if (fast) for (const index of [3, 1]) peer.voice.encoder.rejectRequest(0, index * BLOCK, BLOCK)
      peer.say()
      peer.pass(250)
      expect(peer.session.requester.room).toBeGreaterThan(0)
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

describe("upload only (BEP 21)", () => {
  test("is heard from the handshake, and changes with later ones or with messages of its own", async () => {
    const peer = await Scripted.ready()
    const says = (uploadOnly: boolean) => encodeExtensionHandshake({ messages: new Map(), uploadOnly })
    peer.voice.encoder.extended(0, says(true))
    peer.say()
    expect(peer.session.uploadOnly).toBe(true)
    peer.voice.encoder.extended(0, says(false))
    peer.say()
    expect(peer.session.uploadOnly).toBe(false)
    for (const said of [1, 1, 0]) {
      peer.voice.encoder.extended(UPLOAD_ONLY_ID, Uint8Array.of(said))
      peer.say()
      expect(peer.session.uploadOnly).toBe(said === 1)
    }
  })

  test.each([0, 2])("is passed over when it is said in %i bytes", async (length) => {
    const peer = await Scripted.ready()
    peer.voice.encoder.extended(UPLOAD_ONLY_ID, Uint8Array.of(1))
    peer.voice.encoder.extended(UPLOAD_ONLY_ID, new Uint8Array(length))
    peer.say()
    expect(peer.events()).toEqual([])
    expect(peer.session.uploadOnly).toBe(true)
  })

  test("is told by one more handshake, or by a message to those who take it", async () => {
    const peer = await Scripted.ready()
    peer.session.sayUploadOnly(true)
    const [[name, id, payload] = []] = await peer.hearsSoon()
    expect([name, id]).toEqual(["extended", 0])
    expect(decodeExtensionHandshake(Buffer.from(String(payload), "hex"))).toMatchObject({ uploadOnly: true })
    peer.voice.encoder.extended(0, encodeExtensionHandshake({ messages: new Map([["upload_only", 9]]) }))
    peer.say()
    peer.session.sayUploadOnly(false)
    expect(await peer.hearsSoon()).toEqual([["extended", 9, "00"]])
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
    expect(peer.events()).toEqual([["extended"], ["room"]])
    expect(peer.session).toMatchObject({ clientName: "x 1", listenPort: 7, uploadOnly: false, requester: { room: 10 } })
    expect(peer.session.sendExtension("ut_pex", Uint8Array.of(1, 2))).toBe(true)
    expect(await peer.hearsSoon()).toEqual([["extended", 9, "0102"]])
    peer.voice.encoder.extended(0, encodeExtensionHandshake({ messages: new Map([["ut_pex", 0]]), uploadOnly: true }))
    peer.say()
    expect(peer.session.sendExtension("ut_pex", Uint8Array.of(1))).toBe(false)
    expect(peer.session).toMatchObject({ clientName: "x 1", uploadOnly: true })
  })

  test("hears sixteen handshakes of a peer, and keeps 64 names of all together", async () => {
    const peer = await Scripted.ready()
    const names = (letter: string): string[] => Array.from({ length: 60 }, (_, n) => `${letter}${n}`)
    const offers = (names: readonly string[]): void => {
      const messages = new Map(names.map((name) => [name, 1]))
      peer.voice.encoder.extended(0, encodeExtensionHandshake({ messages }))
      peer.say()
    }
    offers(names("a"))
    offers(names("b"))
    const takes = (name: string): boolean => peer.session.takesExtension(name)
    expect(names("a").filter(takes)).toHaveLength(60)
    expect(names("b").filter(takes)).toHaveLength(4)
    for (let handshakes = 2; handshakes < 20; handshakes++) offers([])
    expect(peer.host.of("extended")).toHaveLength(16)
  })

  test("passes messages of ours on, and overlooks a broken handshake", async () => {
    const peer = await Scripted.ready()
    peer.voice.encoder.extended(0, new TextEncoder().encode("not bencode"))
    peer.voice.encoder.extended(2, new Uint8Array(5))
    peer.say()
    expect(peer.events()).toEqual([["extension", 2, 5]])
  })

  test("ends with who sends a message that the host finds fault with", async () => {
    const peer = await Scripted.ready()
    peer.host.react.set("extension", () => {
      throw new ProtocolError("nonsense")
    })
    peer.voice.encoder.extended(2, new Uint8Array(5))
    peer.say()
    expect([peer.events(), peer.stream.destroyed]).toEqual([
      [
        ["extension", 2, 5],
        ["closed", "nonsense"],
      ],
      true,
    ])
  })

  test("ends with who sends its messages and does not read what comes back", async () => {
    const peer = await Scripted.ready()
    peer.stream.write(new Uint8Array(17 << 20))
    peer.voice.encoder.extended(2, new Uint8Array(5))
    peer.say()
    expect(peer.events()).toEqual([["closed", "it does not read what it is sent"]])
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
      portFor: () => 1,
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
