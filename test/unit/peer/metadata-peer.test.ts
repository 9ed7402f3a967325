import { describe, expect, test } from "vitest"
import { MetadataPeer } from "../../../src/peer/metadata-peer.js"
import { WireEncoder } from "../../../src/wire/encoder.js"
import { encodeExtensionHandshake } from "../../../src/wire/extension.js"
import { encodeHandshake } from "../../../src/wire/handshake.js"
import { encodeMetadataRequest } from "../../../src/wire/metadata-message.js"
import { infoHash, ManualClock, MemoryStream, ourId, theirId } from "./harness.js"

describe("a connection without the metadata", () => {
  test.each<[string, (encoder: WireEncoder) => void]>([
    ["pieces", (encoder) => encoder.request(0, 0, 16384)],
    ["metadata", (encoder) => encoder.extended(1, encodeMetadataRequest(0))],
  ])("ends with who asks for %s and does not read the refusals", (_, ask) => {
    const stream = new MemoryStream()
    let closed: string | undefined
    const nothing = () => {}
    const peer = new MetadataPeer({
      host: {
        onReady: nothing,
        onSize: nothing,
        onMessage: nothing,
        onHashes: nothing,
        onOurAddress: nothing,
        onClosed: (_peer, reason) => (closed = reason?.message),
      },
      clock: new ManualClock(),
      infoHash,
      peerId: ourId,
      direction: "outgoing",
      clientVersion: "x",
    })
    peer.attach(stream)
    peer.onOpen()
    const encoder = new WireEncoder()
    encoder.extended(0, encodeExtensionHandshake({ messages: new Map([["ut_metadata", 3]]) }))
    peer.onData(encodeHandshake(infoHash, theirId))
    peer.onData(encoder.takeBytes()!)
    ask(encoder)
    const question = encoder.takeBytes()!
    peer.onData(question)
    expect(closed).toBeUndefined()
    stream.write(new Uint8Array(17 << 20))
    peer.onData(question)
    expect(closed).toBe("it asks and does not read the answers")
  })
})
