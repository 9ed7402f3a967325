import { describe, expect, it } from "vitest"
import { TorrentLayout } from "../../../src/metainfo/layout.js"
import { PieceCache } from "../../../src/torrent/giving/piece-cache.js"
import { Uploads } from "../../../src/torrent/giving/uploads.js"
import { RateLimit } from "../../../src/torrent/rate-limit.js"
import { SimLog } from "../../sim/lib/sim-log.js"
import { VirtualClock } from "../../sim/lib/virtual-clock.js"
import { type Deferred, deferred } from "../../support/deferred.js"
import { turn } from "./stage.js"

const MiB = 2 ** 20
const EXTENT = MiB / 2
const BLOCK = 16_384
const layout = new TorrentLayout(4 * BLOCK, [{ path: "data", offset: 0, length: 40 * BLOCK, padding: false }])

/** A peer: what waits, and what was sent and refused, in order; what is sent waits until the test says that it went out. */
class Receiver {
  readonly answers: string[] = []
  readonly requests: { piece: number; begin: number; length: number }[] = []
  sendBacklog = 0

  get waiting(): number {
    return this.requests.length
  }

  waitingAt(place: number) {
    return this.requests[place]
  }

  sendBlock(piece: number, begin: number, data: Uint8Array, onTaken?: () => void): boolean {
    const waits = this.takeBack(piece, begin)
    if (waits) {
      this.answers.push(`block ${piece}/${begin / BLOCK}`)
      expect(data.every((byte) => byte === (piece & 0xff))).toBe(true)
      this.sendBacklog += data.length
    }
    onTaken?.()
    return waits
  }

  reject(piece: number, begin: number, _length: number): void {
    if (this.takeBack(piece, begin)) this.answers.push(`reject ${piece}/${begin / BLOCK}`)
  }

  rejectPiece(lost: number): void {
    for (const { piece, begin, length } of [...this.requests]) if (piece === lost) this.reject(piece, begin, length)
  }

  takeBack(piece: number, begin: number): boolean {
    const at = this.requests.findIndex((request) => request.piece === piece && request.begin === begin)
    if (at >= 0) this.requests.splice(at, 1)
    return at >= 0
  }
}

/** The peer asks for a block, or its beginning. */
function request(uploads: Uploads, peer: Receiver, piece: number, index: number, length = BLOCK): void {
  peer.requests.push({ piece, begin: index * BLOCK, length })
  uploads.asked(peer, piece, index * BLOCK)
}

function stageOf(options: { rate?: number; read?: (piece: number) => Promise<void> } = {}) {
  const clock = new VirtualClock()
  const log = new SimLog(clock)
  const cache = new PieceCache(layout, async (piece, _begin, into) => {
    await options.read?.(piece)
    into.fill(piece)
  })
  const uploads = new Uploads({ cache, limit: new RateLimit(clock, options.rate), log })
  return { clock, log, uploads, peer: new Receiver() }
}

/** A thousand pieces of an extent each, over a disk that notes how many bytes are read at a time. */
function overLargeData(read: (length: number) => Promise<void> = async () => {}, rate?: number) {
  const large = new TorrentLayout(EXTENT, [{ path: "data", offset: 0, length: 1000 * EXTENT, padding: false }])
  const clock = new VirtualClock()
  const reads: number[] = []
  const cache = new PieceCache(large, (piece, _begin, into) => {
    reads.push(into.length)
    into.fill(piece)
    return read(into.length)
  })
  const uploads = new Uploads({ cache, limit: new RateLimit(clock, rate), log: new SimLog(clock) })
  return { clock, uploads, reads }
}

describe("giving", () => {
  it("answers requests in their order", async () => {
    const { uploads, peer } = stageOf()
    for (const [piece, index] of [
      [1, 0],
      [3, 2],
      [1, 1],
    ] as const)
      request(uploads, peer, piece, index)
    await turn()
    expect(peer.answers).toEqual(["block 1/0", "block 3/2", "block 1/1"])
    expect(uploads.uploaded).toBe(3 * BLOCK)
  })

  it("sends no more ahead than the connection keeps busy with, and goes on when it has gone out", async () => {
    const { uploads, peer } = stageOf()
    for (let n = 0; n < 40; n++) request(uploads, peer, n >> 2, n & 3)
    await turn()
    expect(peer.answers).toHaveLength(32)
    peer.sendBacklog = 0
    uploads.serve(peer)
    await turn()
    expect(peer.answers).toHaveLength(40)
  })

  it("keeps to the limit, and goes on when it opens", async () => {
    const { clock, uploads, peer } = stageOf({ rate: 4 * BLOCK })
    for (let n = 0; n < 12; n++) request(uploads, peer, 0, n & 3)
    await turn()
    expect(peer.answers).toHaveLength(1)
    // A block takes a quarter of a second; what was saved up at the start was a part of the first.
    for (let blocks = 2; blocks <= 12; blocks++) {
      await clock.run(250)
      await turn()
      expect(peer.answers).toHaveLength(blocks)
    }
  })

  it("answers only what was not taken back", async () => {
    const { uploads, peer } = stageOf()
    for (const index of [0, 1, 2]) request(uploads, peer, 0, index)
    peer.takeBack(0, BLOCK)
    await turn()
    expect(peer.answers).toEqual(["block 0/0", "block 0/2"])
  })

  it("keeps a slow disk busy with no more than 16 MiB, however much is asked for", () => {
    let reading = 0
    const { uploads } = overLargeData((length) => {
      reading += length
      return new Promise(() => {})
    })
    // What each asks for first is read for it in any case.
    for (let n = 0; n < 20; n++) {
      const peer = new Receiver()
      for (let piece = 0; piece < 10; piece++) request(uploads, peer, 10 * n + piece, 0)
    }
    expect(reading).toBeLessThanOrEqual(16 * MiB + 20 * EXTENT)
  })

  it("reads ahead for who asks block after block, each byte once", async () => {
    const { uploads, reads } = overLargeData()
    const peer = new Receiver()
    for (let piece = 0; piece < 100; piece++) {
      for (let index = 0; index < 32; index++) request(uploads, peer, piece, index)
      await turn()
      peer.sendBacklog = 0
      uploads.serve(peer)
      await turn()
    }
    expect(peer.answers).toHaveLength(100 * 32)
    expect(reads).toEqual(Array(100).fill(EXTENT))
  })

  it("reads little for a peer that asks for a byte here and a byte there", async () => {
    const { uploads, reads } = overLargeData()
    const peer = new Receiver()
    for (let piece = 0; piece < 1000; piece++) {
      request(uploads, peer, piece, 0, 1)
      await turn()
    }
    expect(peer.answers).toHaveLength(1000)
    expect(reads.reduce((sum, length) => sum + length)).toBeLessThanOrEqual(4 * MiB + 8 * 1000 + 1000)
  })

  it("reads little for a peer that takes back all that it asks for, and ends by refusing it", async () => {
    const { uploads, reads } = overLargeData()
    const peer = new Receiver()
    for (let piece = 0; piece < 1000; piece++) {
      request(uploads, peer, piece, 0)
      peer.takeBack(piece, 0)
      await turn()
    }
    expect(reads.reduce((sum, length) => sum + length)).toBeLessThanOrEqual(8 * MiB + BLOCK)
    peer.answers.length = 0
    request(uploads, peer, 7, 0)
    expect(peer.answers).toEqual(["reject 7/0"])
    const other = new Receiver()
    request(uploads, other, 7, 0)
    await turn()
    expect(other.answers).toEqual(["block 7/0"])
  })

  it("still answers who asks for blocks here and there, and takes some back", async () => {
    const { uploads } = overLargeData()
    const peer = new Receiver()
    for (let piece = 0; piece < 500; piece++) {
      request(uploads, peer, piece, 0)
      await turn()
      peer.sendBacklog = 0
    }
    for (let piece = 500; piece < 530; piece++) {
      request(uploads, peer, piece, 0)
      peer.takeBack(piece, 0)
      await turn()
    }
    request(uploads, peer, 7, 1)
    await turn()
    expect(peer.answers).toHaveLength(501)
    expect(peer.answers.at(-1)).toBe("block 7/1")
  })

  it("lets the limit count tiny answers as more than they are", async () => {
    const { uploads, clock } = overLargeData(undefined, 100 * 4096)
    const peer = new Receiver()
    for (let piece = 0; piece < 1000; piece++) request(uploads, peer, piece, 0, 1)
    for (let n = 0; n < 100; n++) {
      await clock.run(10)
      await turn()
    }
    expect(peer.answers.length).toBeGreaterThan(90)
    expect(peer.answers.length).toBeLessThan(120)
    expect(uploads.uploaded).toBe(peer.answers.length)
  })

  it("refuses what waits for parts of a piece that is lost, one that is being read too", async () => {
    const { uploads, peer } = stageOf()
    for (const piece of [0, 0, 1, 0]) request(uploads, peer, piece, peer.waiting)
    uploads.lost(0)
    await turn()
    expect(peer.answers).toEqual(["reject 0/0", "reject 0/1", "reject 0/3", "block 1/2"])
  })

  it("sends nothing to a peer that has gone while its data was read", async () => {
    const reading: Deferred<void> = deferred()
    const { uploads, peer } = stageOf({ read: () => reading.promise })
    request(uploads, peer, 0, 0)
    request(uploads, peer, 0, 1)
    peer.requests.length = 0
    uploads.forget(peer)
    reading.resolve()
    await turn()
    expect(peer.answers).toEqual([])
    expect(uploads.uploaded).toBe(0)
  })

  it("counts, and lets the limit count, nothing that was taken back while it was read", async () => {
    const reading: Deferred<void> = deferred()
    const { uploads, peer, clock } = stageOf({ rate: BLOCK, read: () => reading.promise })
    const other = new Receiver()
    for (const piece of [0, 1, 2, 3]) request(uploads, peer, piece, 0)
    peer.requests.length = 0
    reading.resolve()
    await turn()
    expect(peer.answers).toEqual([])
    expect(uploads.uploaded).toBe(0)
    request(uploads, other, 0, 0)
    await turn()
    expect(other.answers).toEqual(["block 0/0"])
    expect(uploads.uploaded).toBe(BLOCK)
    expect(clock.pendingTimers).toBe(0)
  })

  it("refuses what can't be read, says so, and answers what can", async () => {
    const read = (piece: number) => (piece === 1 ? Promise.reject(new Error("gone")) : Promise.resolve())
    const { log, uploads, peer } = stageOf({ read })
    for (const piece of [0, 1, 2]) request(uploads, peer, piece, 0)
    await turn()
    uploads.serveAll()
    await turn()
    expect(peer.answers).toEqual(["block 0/0", "reject 1/0", "block 2/0"])
    expect(log.lines.map(({ level }) => level)).toEqual(["warn"])
  })

  it("leaves no request lying that comes when it has just looked", async () => {
    const { uploads, peer } = stageOf()
    request(uploads, peer, 0, 0)
    await turn()
    uploads.serve(peer)
    request(uploads, peer, 0, 1)
    await turn()
    expect(peer.answers).toEqual(["block 0/0", "block 0/1"])
  })

  it("serves one peer while another's connection is full", async () => {
    const { uploads, peer } = stageOf()
    const slow = new Receiver()
    slow.sendBacklog = 2 ** 20
    request(uploads, slow, 0, 0)
    request(uploads, peer, 0, 0)
    await turn()
    expect(slow.answers).toEqual([])
    expect(peer.answers).toEqual(["block 0/0"])
  })

  it("takes turns between peers when the limit lets through little at a time", async () => {
    const { clock, uploads, peer } = stageOf({ rate: 10 * BLOCK })
    const peers = [peer, new Receiver(), new Receiver()]
    for (const each of peers) for (let n = 0; n < 40; n++) request(uploads, each, n >> 2, n & 3)
    for (let second = 1; second <= 4; second++) {
      for (let n = 0; n < 100; n++) {
        await clock.run(10)
        for (const each of peers) each.sendBacklog = 0
      }
      const counts = peers.map(({ answers }) => answers.length)
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2)
    }
    expect(uploads.uploaded).toBeGreaterThanOrEqual(39 * BLOCK)
    uploads.close()
    expect(clock.pendingTimers).toBe(0)
  })
})
