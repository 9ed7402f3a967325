import { describe, expect, it } from "vitest"
import { ProtocolError } from "../../../src/errors.js"
import { MetadataUploads } from "../../../src/torrent/giving/metadata-uploads.js"
import { RateLimit } from "../../../src/torrent/rate-limit.js"
import {
  decodeMetadataMessage,
  encodeMetadataReject,
  encodeMetadataRequest,
} from "../../../src/wire/metadata-message.js"
import { ManualClock } from "../peer/harness.js"

class Asker {
  readonly got: string[] = []
  sendBacklog = 0

  sendExtension(name: string, payload: Uint8Array): boolean {
    const message = decodeMetadataMessage(payload)
    this.got.push(`${name} ${message?.kind} ${message?.piece}`)
    return true
  }
}

function stage() {
  const metadata = new Uint8Array(40_000)
  const uploads = new MetadataUploads(metadata, new RateLimit(new ManualClock(), undefined))
  const asker = new Asker()
  const ask = (piece: number, now = 0): string | undefined => {
    uploads.onMessage(asker, encodeMetadataRequest(piece), now)
    return asker.got.at(-1)
  }
  return { uploads, asker, ask }
}

describe("giving metadata", () => {
  it("answers each piece there is, and refuses others", () => {
    const { ask } = stage()
    expect([0, 1, 2, 3, 4_000_000_000].map((piece) => ask(piece))).toEqual([
      "ut_metadata data 0",
      "ut_metadata data 1",
      "ut_metadata data 2",
      "ut_metadata reject 3",
      "ut_metadata reject 4000000000",
    ])
  })

  it("gives a peer two copies a minute, and no more", () => {
    const { ask } = stage()
    for (let i = 0; i < 6; i++) expect(ask(i % 3, 1000)).toMatch(/data/)
    expect(ask(0, 2000)).toMatch(/reject/)
    expect(ask(0, 60_999)).toMatch(/reject/)
    expect(ask(0, 61_000)).toMatch(/data/)
  })

  it("counts each peer for itself", () => {
    const { uploads, ask } = stage()
    for (let i = 0; i < 7; i++) ask(0)
    const other = new Asker()
    uploads.onMessage(other, encodeMetadataRequest(0), 0)
    expect(other.got).toEqual(["ut_metadata data 0"])
  })

  it("gives nothing more to who does not read", () => {
    const { asker, ask } = stage()
    asker.sendBacklog = 2 << 20
    expect(ask(0)).toMatch(/reject/)
  })

  it("finds fault with what is no message, and answers no answers", () => {
    const { uploads, asker } = stage()
    uploads.onMessage(asker, encodeMetadataReject(0), 0)
    expect(asker.got).toEqual([])
    expect(() => uploads.onMessage(asker, new Uint8Array([1, 2, 3]), 0)).toThrow(ProtocolError)
  })
})
