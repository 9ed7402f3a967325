import { describe, expect, it } from "vitest"
import type { Endpoint, Net, StreamListener } from "../../../src/ports/net.js"
import { ConnectionBudget } from "../../../src/torrent/finding/connection-budget.js"
import { Connector } from "../../../src/torrent/finding/connector.js"
import { EncryptionChoice } from "../../../src/torrent/finding/encryption-choice.js"
import { ExternalAddress } from "../../../src/torrent/finding/external-address.js"
import { PeerBook } from "../../../src/torrent/finding/peer-book.js"
import { Roster } from "../../../src/torrent/roster.js"
import { type EncryptionPolicy, providedMethods } from "../../../src/wire/encryption-policy.js"
import { encodeHandshake, startsLikeHandshake } from "../../../src/wire/handshake.js"
import { seededRandom } from "../../support/seeded-random.js"
import { infoHash, ManualClock, MemoryStream, ourId, RecordingHost, theirId } from "../peer/harness.js"
import { toolsOf } from "../wire/mse-parties.js"
import { Stage, turn } from "./stage.js"

const MOST_ADDRESSES = 2000

/** Where a peer is. */
const wanted = { host: "9.0.0.1", port: 6881 }

function connectorOf(policy: EncryptionPolicy) {
  const { table } = new Stage({ pieces: 4, capacity: 2 })
  const book = new PeerBook(seededRandom(1), new EncryptionChoice(policy))
  const stream = new MemoryStream()
  const dialled: { to: Endpoint; listener: StreamListener; utp: unknown }[] = []
  const net: Net = {
    connect: (to, listener, utp) => {
      dialled.push({ to, listener, utp })
      return stream
    },
    listen: () => Promise.reject(new Error("not here")),
    resolve: () => Promise.reject(new Error("not here")),
  }
  const connector = new Connector(
    {
      net,
      clock: new ManualClock(),
      table,
      book,
      priorityOf: () => undefined,
      budget: new ConnectionBudget(),
      infoHash,
      infoHashV2: undefined,
      peerId: ourId,
      clientVersion: "x",
      external: new ExternalAddress(),
      encryption: { tools: toolsOf(1), provide: providedMethods(policy), prefer: policy === "require" },
      metadataUploads: undefined,
      pex: undefined,
      holePunching: undefined,
      nextSourceId: () => 1,
      seeds: () => false,
      have: table.have,
      roster: new Roster(),
    },
    new RecordingHost(),
  )
  return { connector, book, stream, dialled }
}

/** What a torrent that knows so many addresses says first through a hole in a gateway. */
async function firstWords(policy: EncryptionPolicy, known: number): Promise<{ bytes: Uint8Array; utp: unknown }> {
  const { connector, book, stream, dialled } = connectorOf(policy)
  for (let i = 0; i < known; i++) book.add({ host: `10.0.${i >> 8}.${i & 255}`, port: 6881 }, "user", 0)
  connector.punch(wanted)
  expect(dialled.map(({ to }) => to)).toEqual([wanted])
  expect(book.size).toBe(Math.min(known + 1, MOST_ADDRESSES))
  dialled[0]!.listener.onOpen()
  await turn()
  return { bytes: stream.take(), utp: dialled[0]!.utp }
}

describe("a connection through a hole in a gateway", () => {
  it.each([
    ["known", 0],
    ["one too many for the book", MOST_ADDRESSES],
  ])("is encrypted where that is a must, though its address is %s", async (_, known) => {
    const { bytes, utp } = await firstWords("require", known)
    expect(utp).toBe("alone")
    // A key of 96 bytes comes first, and random ones.
    expect(bytes.length).toBeGreaterThanOrEqual(96)
    expect(startsLikeHandshake(bytes)).toBe(false)
    const plain = await firstWords("off", known)
    expect(startsLikeHandshake(plain.bytes)).toBe(true)
  })
})

describe("who is banned", () => {
  it("gets in by no way", () => {
    const { connector, book, stream, dialled } = connectorOf("allow")
    book.ban(stream.remote)
    book.ban(wanted)
    expect(connector.accept(stream, encodeHandshake(infoHash, theirId))).toBeUndefined()
    connector.punch(wanted)
    book.add(wanted, "tracker", 0)
    connector.connectMore()
    expect(dialled).toEqual([])
  })
})
