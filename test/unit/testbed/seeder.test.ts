import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { contentInMemory } from "../../../testbed/content.js"
import {
  isLastBlock,
  piecesServedTwice,
  type Seeder,
  type SeederOptions,
  startSeeder,
} from "../../../testbed/seeder.js"
import { SMALL, smallTorrent } from "./small-torrent.js"

let seeder: Seeder
let socket: Socket
afterEach(async () => {
  socket.destroy()
  await seeder.close()
})

const torrent = smallTorrent()

/** Dials, greets and says `interested`; returns a reader of so many bytes. */
async function meet(options: Partial<SeederOptions> = {}): Promise<(length: number) => Promise<Buffer>> {
  seeder = await startSeeder({ torrent, content: contentInMemory(SMALL), ...options })
  socket = connect(seeder.port, seeder.host)
  let received = Buffer.alloc(0)
  socket.on("data", (bytes: Buffer) => {
    received = Buffer.concat([received, bytes])
  })
  const read = async (length: number): Promise<Buffer> => {
    while (received.length < length) await once(socket, "data")
    const bytes = received.subarray(0, length)
    received = received.subarray(length)
    return bytes
  }
  await once(socket, "connect")
  const hello = `13${Buffer.from("BitTorrent protocol").toString("hex")}${"00".repeat(8)}${torrent.infoHash}`
  socket.write(Buffer.from(`${hello}${"2d".repeat(20)}0000000102`, "hex"))
  expect((await read(68)).toString("hex", 28, 48)).toBe(torrent.infoHash)
  return read
}

function request(piece: number, begin: number, length: number): void {
  const message = Buffer.alloc(17)
  message.writeUInt32BE(13, 0)
  message[4] = 6
  message.writeUInt32BE(piece, 5)
  message.writeUInt32BE(begin, 9)
  message.writeUInt32BE(length, 13)
  socket.write(message)
}

describe("the seeder", () => {
  it("says what it has, unchokes who is interested and counts each block it serves", async () => {
    const read = await meet()
    expect((await read(6 + 5)).toString("hex")).toBe("0000000205c0" + "0000000101")
    request(1, 0, 7232)
    request(1, 0, 7232)
    expect((await read(13)).toString("hex")).toBe("00001c49" + "07" + "00000001" + "00000000")
    expect((await read(7232)).equals(SMALL.subarray(32_768))).toBe(true)
    await read(13 + 7232)
    expect([...seeder.blocksServed]).toEqual([0, 0, 2, 0])
    expect(piecesServedTwice(seeder)).toEqual([1])
    expect(seeder.peers).toMatchObject([{ peerId: "2d".repeat(20), requests: 2, interested: true, dialledBy: "peer" }])
  })

  it("shows only the pieces it was given", async () => {
    const read = await meet({ pieces: [1] })
    expect((await read(6)).toString("hex")).toBe("000000020540")
    request(0, 0, 16_384)
    await once(socket, "close")
    expect(seeder.bytesServed).toBe(0)
  })

  it("sends wrong bytes, withholds, chokes and hangs up as it is told", async () => {
    const read = await meet({
      fault(block) {
        if (isLastBlock(torrent, block)) return "withhold"
        if (block.begin === 0) return "corrupt"
        return block.sentBefore === 1 ? "choke" : "hang-up"
      },
    })
    await read(6 + 5)
    request(1, 0, 7232)
    request(0, 0, 16_384)
    const block = await read(13 + 16_384)
    expect(block.subarray(13).equals(SMALL.subarray(0, 16_384))).toBe(false)
    request(0, 16_384, 16_384)
    expect((await read(10)).toString("hex")).toBe("0000000100" + "0000000101")
    expect([...seeder.blocksServed]).toEqual([1, 0, 0, 0])
  })

  it("never unchokes when it is told so", async () => {
    const read = await meet({ neverUnchokes: true })
    await read(6)
    request(0, 0, 16_384)
    request(9, 0, 16_384)
    await once(socket, "close")
    expect([seeder.peers[0]!.requests, seeder.bytesServed]).toEqual([2, 0])
  })
})
