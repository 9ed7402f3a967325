import { describe, expect, test } from "vitest"
import { MetadataPeer, type MetadataPeerHost, type MetadataPeerOptions } from "../../../src/peer/metadata-peer.js"
import { WireEncoder } from "../../../src/wire/encoder.js"
import { encodeExtensionHandshake } from "../../../src/wire/extension.js"
import { decodeHandshake, encodeHandshake } from "../../../src/wire/handshake.js"
import { encodeMetadataRequest } from "../../../src/wire/metadata-message.js"
import { infoHash, ManualClock, MemoryStream, ourId, theirId } from "./harness.js"

const nothing = (): void => {}

function connect(host: Partial<MetadataPeerHost>, options: Partial<MetadataPeerOptions> = {}) {
  const stream = new MemoryStream()
  const peer = new MetadataPeer({
    host: {
      onReady: nothing,
      onSize: nothing,
      onMessage: nothing,
      onHashes: nothing,
      onOurAddress: nothing,
      onPort: nothing,
      onClosed: nothing,
      ...host,
    },
    clock: new ManualClock(),
    infoHash,
    peerId: ourId,
    direction: "outgoing",
    clientVersion: "x",
    dht: true,
    ...options,
  })
  peer.attach(stream)
  peer.onOpen()
  return { peer, stream }
}

describe("a connection without the metadata", () => {
  const infoHashV2 = infoHash.map((byte) => byte ^ 0xff)
  const hashRequest = { root: new Uint8Array(32), base: 0, index: 0, length: 2, proofLayers: 0 }

  test.each<[string, Uint8Array, Uint8Array, boolean]>([
    ["the v1 infohash, which the other side upgrades", infoHash, infoHashV2, true],
    ["the v1 infohash, which the other side keeps", infoHash, infoHash, false],
    ["the v2 infohash", infoHashV2, infoHashV2, true],
  ])("of a hybrid begins with %s (BEP 52)", (_, opensWith, theirs, v2) => {
    const { peer, stream } = connect({}, { infoHashV2, opensWith })
    const ours = decodeHandshake(stream.take())
    expect(ours).toMatchObject({ infoHash: opensWith, v2: true })
    peer.onData(encodeHandshake(theirs, theirId))
    expect(peer.v2).toBe(v2)
  })

  test("takes part in the DHT: it says so, and hears of the other's node, of one", () => {
    const ports: number[] = []
    const { peer, stream } = connect({ onPort: (_peer, port) => ports.push(port) })
    expect(decodeHandshake(stream.take()).dht).toBe(true)
    peer.onData(encodeHandshake(infoHash, theirId))
    const encoder = new WireEncoder()
    for (const port of [0, 6881, 6882]) encoder.port(port)
    peer.onData(encoder.takeBytes()!)
    expect(ports).toEqual([6881])
  })

  test.each<[string, (encoder: WireEncoder) => void]>([
    ["pieces", (encoder) => encoder.request(0, 0, 16384)],
    ["metadata", (encoder) => encoder.extended(1, encodeMetadataRequest(0))],
    ["hashes", (encoder) => encoder.hashRequest(hashRequest)],
  ])("ends with who asks for %s and does not read the refusals", (_, ask) => {
    let closed: string | undefined
    const { peer, stream } = connect(
      { onClosed: (_peer, reason) => (closed = reason?.message) },
      { infoHashV2, opensWith: infoHashV2 },
    )
    const encoder = new WireEncoder()
    encoder.extended(0, encodeExtensionHandshake({ messages: new Map([["ut_metadata", 3]]) }))
    peer.onData(encodeHandshake(infoHashV2, theirId))
    peer.onData(encoder.takeBytes()!)
    ask(encoder)
    const question = encoder.takeBytes()!
    peer.onData(question)
    expect(closed).toBeUndefined()
    stream.write(new Uint8Array(17 << 20))
    peer.onData(question)
    expect(closed).toBe("it does not read what it is sent")
  })

  test("ends with who sends data that nobody can have asked for", () => {
    let closed: string | undefined
    const { peer } = connect({ onClosed: (_peer, reason) => (closed = reason?.message) })
    peer.onData(encodeHandshake(infoHash, theirId))
    const encoder = new WireEncoder()
    encoder.pieceHeader(0, 0, 16384)
    peer.onData(encoder.takeBytes()!)
    expect(closed).toBe("it answers requests that were never made")
  })

  test.each<[string, (encoder: WireEncoder) => Uint8Array]>([
    [
      "when half a message is in",
      (encoder) => {
        encoder.have(1)
        return encoder.takeBytes()!.subarray(0, 7)
      },
    ],
    [
      "when more was said than is remembered",
      (encoder) => {
        for (let piece = 0; piece <= 10_000; piece++) encoder.have(piece)
        return encoder.takeBytes()!
      },
    ],
  ])("is closed, not handed over, %s", (_, say) => {
    let closed: string | undefined
    const { peer, stream } = connect({ onClosed: (_peer, reason) => (closed = reason?.message) })
    peer.onData(encodeHandshake(infoHash, theirId))
    peer.onData(say(new WireEncoder()))
    peer.handOver(() => {
      throw new Error("was handed over")
    })
    expect(closed).toBe("it can't be used for more than metadata")
    expect(stream.destroyed).toBe(true)
  })

  test("ends with who refuses, again and again, hashes that it was never asked for", () => {
    let closed: string | undefined
    const { peer } = connect(
      { onClosed: (_peer, reason) => (closed = reason?.message) },
      { infoHashV2, opensWith: infoHashV2 },
    )
    peer.onData(encodeHandshake(infoHashV2, theirId))
    const encoder = new WireEncoder()
    for (let i = 0; i < 1000; i++) encoder.hashReject(hashRequest)
    peer.onData(encoder.takeBytes()!)
    expect(closed).toBe("it answers requests that were never made")
  })
})
