import { describe, expect, it } from "vitest"
import { Bitfield } from "../../../src/bytes/bitfield.js"
import { AtError } from "../../../src/errors.js"
import { Readers } from "../../../src/torrent/readers.js"
import { VirtualClock } from "../../sim/lib/virtual-clock.js"
import { Stage, StagePeer, turn } from "./stage.js"

const BLOCK = 16_384

function readersOf(stage: Stage, onWait: () => void = () => {}): Readers {
  const { table, picker, store } = stage
  return new Readers({ table, picker, store, clock: new VirtualClock(), onWait, onLeave: () => {} })
}

function stageOf(pieces = 4) {
  const stage = new Stage({ pieces, capacity: pieces })
  const readers = readersOf(stage)
  const fetch = async (piece: number): Promise<void> => {
    stage.open(piece)
    for (let index = 0; index < stage.layout.blockCount(piece); index++) stage.give(1, piece, index)
    await stage.store.settle()
    readers.stored(piece)
  }
  return { stage, readers, fetch }
}

describe("reading a torrent's bytes", () => {
  it("gives bytes across pieces, those on disk at once", async () => {
    const { stage, readers, fetch } = stageOf()
    for (const piece of [0, 1, 2]) await fetch(piece)
    const { pieceLength } = stage.layout
    const bytes = await readers.read(pieceLength - 5, pieceLength + 10)
    expect(Buffer.compare(bytes, stage.truth.subarray(pieceLength - 5, 2 * pieceLength + 5))).toBe(0)
    expect(await readers.read(7, 0)).toHaveLength(0)
  })

  it("reads the short last piece to its end", async () => {
    const { stage, readers, fetch } = stageOf(2)
    await fetch(1)
    const bytes = await readers.read(stage.layout.length - 10, 10)
    expect(bytes).toEqual(stage.truth.slice(-10))
  })

  it("waits for the pieces that are missing, and for no others", async () => {
    const { stage, readers, fetch } = stageOf()
    const { pieceLength } = stage.layout
    let done = false
    const reading = readers.read(pieceLength, 2 * pieceLength).then((bytes) => {
      done = true
      return bytes
    })
    await fetch(1)
    expect(done).toBe(false)
    await fetch(2)
    expect(Buffer.compare(await reading, stage.truth.subarray(pieceLength, 3 * pieceLength))).toBe(0)
  })

  it("has its pieces fetched before all others, unselected ones too", () => {
    const { stage, readers } = stageOf(4)
    stage.table.select(new Bitfield(4))
    expect(stage.table.remaining).toBe(0)
    void readers.read(stage.layout.pieceOffset(2), 1).catch(() => {})
    expect(stage.table.remaining).toBe(1)
    const peer = new StagePeer(stage, 1, true)
    peer.ask()
    expect([...stage.table.open.keys()]).toEqual([2])
  })

  it("serves the piece a reader waits for before those in the picker's order", () => {
    for (let seed = 0; seed < 8; seed++) {
      const stage = new Stage({ pieces: 4, capacity: 4, seed })
      const readers = readersOf(stage)
      void readers.read(3 * stage.layout.pieceLength, 1).catch(() => {})
      new StagePeer(stage, 1, true).ask()
      expect([...stage.table.open.keys()]).toEqual([3])
    }
  })

  it("ends when its signal does, and others go on waiting", async () => {
    const { readers, fetch } = stageOf()
    const controller = new AbortController()
    const stopped = readers.read(0, BLOCK, controller.signal)
    const other = readers.read(0, BLOCK)
    controller.abort()
    await expect(stopped).rejects.toMatchObject({ code: "AT_ABORTED" })
    await fetch(0)
    await expect(other).resolves.toHaveLength(BLOCK)
  })

  it("reads no further piece from disk once its signal has ended", async () => {
    const { stage, readers, fetch } = stageOf()
    for (const piece of [0, 1, 2]) await fetch(piece)
    const controller = new AbortController()
    const read: number[] = []
    const fromDisk = stage.store.read.bind(stage.store)
    stage.store.read = (piece, begin, into) => {
      read.push(piece)
      if (piece === 1) controller.abort()
      return fromDisk(piece, begin, into)
    }
    const reading = readers.read(0, 3 * stage.layout.pieceLength, controller.signal)
    await expect(reading).rejects.toMatchObject({ code: "AT_ABORTED" })
    expect(read).toEqual([0, 1])
  })

  it("does not begin to wait under a signal that has ended", async () => {
    const { readers } = stageOf()
    await expect(readers.read(0, 3 * BLOCK, AbortSignal.abort())).rejects.toMatchObject({ code: "AT_ABORTED" })
  })

  it("fails all who wait when nothing more will come", async () => {
    const { readers } = stageOf()
    const waiting = [readers.read(0, 1), readers.read(0, 4 * BLOCK)]
    const outcomes = Promise.allSettled(waiting)
    readers.fail(new AtError("AT_NO_SOURCES", "nobody is left", { hint: "wait" }))
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "AT_NO_SOURCES" } })
    }
  })

  it("leaves nothing wanted that only a reader wanted who has failed", async () => {
    const { stage, readers } = stageOf()
    stage.table.select(new Bitfield(4))
    const reading = readers.read(0, 1)
    expect(stage.table.remaining).toBe(1)
    readers.fail(new AtError("AT_NO_SOURCES", "nobody is left", { hint: "wait" }))
    await expect(reading).rejects.toMatchObject({ code: "AT_NO_SOURCES" })
    expect(stage.table.remaining).toBe(0)
  })

  it("fails, and does not wait for a piece that is there by all accounts, when it can't be read", async () => {
    const { stage, readers, fetch } = stageOf()
    await fetch(0)
    stage.store.read = () => Promise.reject(new AtError("AT_CORRUPT", "it is wrong", { hint: "none" }))
    await expect(readers.read(0, 1)).rejects.toMatchObject({ code: "AT_CORRUPT" })
  })

  it("leaves no listener on a signal behind", async () => {
    const { readers, fetch } = stageOf()
    const controller = new AbortController()
    let listeners = 0
    const { signal } = controller
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--
      remove(...args)
    }
    const reading = readers.read(0, 1, signal)
    expect(listeners).toBe(1)
    await fetch(0)
    await reading
    await turn()
    expect(listeners).toBe(0)
  })
})
