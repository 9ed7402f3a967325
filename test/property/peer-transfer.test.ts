import fc from "fast-check"
import { expect, test } from "vitest"
import { Bitfield } from "../../src/bytes/bitfield.js"
import { BLOCK_LENGTH, type TorrentLayout } from "../../src/metainfo/layout.js"
import type { PeerHost } from "../../src/peer/peer-host.js"
import { PeerSession } from "../../src/peer/peer-session.js"
import type { ByteStream } from "../../src/ports/net.js"
import { infoHash, layoutOf, ManualClock } from "../unit/peer/harness.js"

/** One end of a connection whose bytes arrive cut as the test wants, in memory that is used again. */
class PairedStream implements ByteStream {
  readonly remote = { host: "192.0.2.1", port: 1 }
  other: PairedStream | undefined
  listener: PeerSession | undefined
  #queue: Uint8Array[] = []
  #closed = false

  get bufferedBytes(): number {
    return this.#queue.reduce((sum, chunk) => sum + chunk.length, 0)
  }
  write(chunk: Uint8Array, onTaken?: () => void): boolean {
    if (!this.#closed) this.#queue.push(chunk.slice())
    onTaken?.()
    return true
  }
  pause(): void {}
  resume(): void {}
  destroy(): void {
    this.#closed = true
    this.#queue = []
  }

  /** Brings what was written to the other side; false when there was nothing. */
  deliver(cuts: () => number): boolean {
    const bytes = Buffer.concat(this.#queue)
    this.#queue = []
    const memory = new Uint8Array(70_000)
    for (let at = 0; at < bytes.length; ) {
      const count = Math.min(cuts(), bytes.length - at)
      memory.set(bytes.subarray(at, at + count))
      this.other?.listener?.onData(memory.subarray(0, count))
      memory.fill(0xdd)
      at += count
    }
    if (bytes.length > 0) this.listener?.onDrain()
    return bytes.length > 0
  }
}

/** A small client: asks for what it lacks, gives what it has. */
class Client implements PeerHost<PeerSession> {
  readonly data: Uint8Array
  readonly have: Bitfield
  readonly session: PeerSession
  readonly #layout: TorrentLayout
  readonly #received = new Set<number>()
  readonly open = new Set<number>()
  readonly #waiting: [piece: number, begin: number, length: number][] = []
  closed = 0
  ended = 0
  asked = 0
  dropped = 0

  constructor(
    layout: TorrentLayout,
    clock: ManualClock,
    direction: "outgoing" | "incoming",
    pieces: Bitfield,
    source: Uint8Array,
  ) {
    this.#layout = layout
    this.have = new Bitfield(layout.pieceCount)
    this.data = new Uint8Array(layout.length)
    for (const piece of pieces) {
      const from = layout.pieceOffset(piece)
      this.have.add(piece)
      this.data.set(source.subarray(from, from + layout.pieceSize(piece)), from)
    }
    this.session = new PeerSession({
      host: this,
      clock,
      layout,
      infoHash,
      peerId: new Uint8Array(20).fill(direction === "outgoing" ? 1 : 2),
      direction,
      clientVersion: "x",
    })
  }

  onReady(peer: PeerSession): void {
    peer.announcePieces(this.have)
  }
  onClosed(): void {
    this.closed++
  }
  onPieces(peer: PeerSession): void {
    peer.setInterested(!this.have.complete)
  }
  onHave(peer: PeerSession): void {
    peer.setInterested(!this.have.complete)
    this.onRoom(peer)
  }
  onDontHave(): void {}
  onChoked(): void {}
  onInterestChanged(peer: PeerSession): void {
    if (peer.peerInterested) peer.uploader.unchoke()
  }
  onRequest(_peer: PeerSession, piece: number, begin: number, length: number): void {
    this.#waiting.push([piece, begin, length])
  }
  onBlockBegin(_peer: PeerSession, block: number): Uint8Array {
    const from =
      this.#layout.pieceOffset(this.#layout.pieceOfBlock(block)) + this.#layout.indexOfBlock(block) * BLOCK_LENGTH
    return this.data.subarray(from, from + this.#layout.blockLength(block))
  }
  onBlockEnd(peer: PeerSession, block: number): void {
    expect(this.open.delete(block)).toBe(true)
    this.ended++
    this.#received.add(block)
    const piece = this.#layout.pieceOfBlock(block)
    for (let i = 0; i < this.#layout.blockCount(piece); i++) {
      if (!this.#received.has(this.#layout.block(piece, i))) return
    }
    this.have.add(piece)
    peer.sendHave(piece)
  }
  onDropped(_peer: PeerSession, block: number): void {
    expect(this.open.delete(block)).toBe(true)
    this.dropped++
  }
  onRoom(peer: PeerSession): void {
    for (let piece = 0; piece < this.#layout.pieceCount && peer.requester.room > 0; piece++) {
      if (this.have.has(piece) || !peer.pieces?.has(piece)) continue
      for (let i = 0; i < this.#layout.blockCount(piece) && peer.requester.room > 0; i++) {
        const block = this.#layout.block(piece, i)
        if (this.#received.has(block) || this.open.has(block)) continue
        this.open.add(block)
        this.asked++
        peer.requester.request(block)
      }
    }
  }
  onExtended(): void {}

  serve(): void {
    for (const [piece, begin, length] of this.#waiting.splice(0)) {
      const from = this.#layout.pieceOffset(piece) + begin
      this.session.uploader.sendBlock(piece, begin, this.data.slice(from, from + length))
    }
  }
}

type Mishap = "choke" | "cancel" | "reject" | "wait" | "nothing"

test("two peers complete each other, whatever is choked, cancelled, refused or cut on the way", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        pieceLength: fc.constantFrom(16384, 32768, 65536),
        pieces: fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
        tail: fc.integer({ min: 1, max: 16384 }),
        cuts: fc.array(fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 100, max: 65536 })), {
          minLength: 1,
          maxLength: 8,
        }),
        mishaps: fc.array(fc.constantFrom<Mishap>("choke", "cancel", "reject", "wait", "nothing"), { maxLength: 20 }),
      }),
      async ({ pieceLength, pieces, tail, cuts, mishaps }) => {
        const layout = layoutOf((pieces.length - 1) * pieceLength + tail, pieceLength)
        const source = new Uint8Array(layout.length).map((_, i) => (i * 7 + (i >> 8)) & 0xff)
        const mine = new Bitfield(pieces.length)
        const others = new Bitfield(pieces.length)
        for (const [piece, owned] of pieces.entries()) (owned ? mine : others).add(piece)
        const clock = new ManualClock()
        const a = new Client(layout, clock, "outgoing", mine, source)
        const b = new Client(layout, clock, "incoming", others, source)
        const [left, right] = [new PairedStream(), new PairedStream()]
        left.other = right
        right.other = left
        left.listener = a.session
        right.listener = b.session
        b.session.attach(right)
        a.session.attach(left)
        a.session.onOpen()

        let cut = 0
        const nextCut = () => cuts[cut++ % cuts.length]!
        const oneTurn = async (): Promise<boolean> => {
          await Promise.resolve()
          const moved = left.deliver(nextCut)
          return right.deliver(nextCut) || moved
        }
        const wholeTime = async () => {
          for (let idle = 0; idle < 3; ) {
            idle = (await oneTurn()) ? 0 : idle + 1
            a.serve()
            b.serve()
          }
        }
        for (const mishap of mishaps) {
          await oneTurn()
          if (mishap === "choke") b.session.uploader.choke()
          if (mishap === "cancel") for (const block of [...a.open].slice(0, 3)) a.session.requester.cancel(block)
          if (mishap === "reject") b.session.uploader.reject(0, 0, BLOCK_LENGTH)
          if (mishap !== "wait") b.serve()
          if (mishap === "choke") b.session.uploader.unchoke()
          clock.advance(250)
          a.session.tick(clock.now())
          b.session.tick(clock.now())
        }
        for (let i = 0; i < 200 && !(a.have.complete && b.have.complete); i++) {
          await wholeTime()
          clock.advance(250)
          a.session.tick(clock.now())
          b.session.tick(clock.now())
          a.onRoom(a.session)
          b.onRoom(b.session)
        }
        expect(a.closed + b.closed).toBe(0)
        expect(a.have.complete && b.have.complete).toBe(true)
        expect(Buffer.compare(a.data, source)).toBe(0)
        expect(Buffer.compare(b.data, source)).toBe(0)
        a.session.close()
        b.session.onClose()
        for (const client of [a, b]) {
          expect(client.closed).toBe(1)
          expect(client.open.size).toBe(0)
          expect(client.ended + client.dropped).toBe(client.asked)
        }
      },
    ),
    { numRuns: 200 },
  )
})

test("any bytes at all from a peer end in events or in one close, never in an exception", () => {
  const layout = layoutOf(200_000, 65536)
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.nat({ max: 21 }), fc.uint8Array({ maxLength: 40 }), fc.boolean()).map(([id, body, right]) => {
          const bytes = new Uint8Array(5 + body.length)
          new DataView(bytes.buffer).setUint32(0, right ? 1 + body.length : id * body.length)
          bytes[4] = id
          // Small numbers are likelier to be valid ones.
          bytes.set(
            body.map((byte, i) => (i % 4 === 3 ? byte & 3 : 0)),
            5,
          )
          return bytes
        }),
        { maxLength: 60 },
      ),
      (messages) => {
        const clock = new ManualClock()
        const client = new Client(layout, clock, "outgoing", new Bitfield(4), new Uint8Array(200_000))
        client.session.attach(new PairedStream())
        client.session.onOpen()
        const handshake = new Uint8Array(68)
        handshake.set(new TextEncoder().encode("\u0013BitTorrent protocol"))
        handshake.set([0, 0, 0, 0, 0, 0x10, 0, 4], 20)
        handshake.set(infoHash, 28)
        client.session.onData(handshake)
        for (const message of messages) client.session.onData(message)
        client.session.close()
        expect(client.closed).toBe(1)
        expect(client.open.size).toBe(0)
      },
    ),
    { numRuns: 500 },
  )
})
