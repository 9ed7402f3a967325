import { describe, expect, it } from "vitest"
import { Journal } from "../../../src/storage/journal.js"
import { decodeJournal } from "../../../src/storage/journal-format.js"
import { type JournalState, PieceState } from "../../../src/storage/journal-state.js"
import { World } from "./fixture.js"
import { atEveryStep } from "./recovery.js"

const FOLDER = "/state"
const PATH = `${FOLDER}/journal`
const PIECES = 4
const { absent, begun, written, done } = PieceState

async function stage(seed: number) {
  const world = new World({ seed })
  const { disk } = world.platform
  await world.run(disk.makeDirectory(FOLDER))
  const shape = { pieceCount: PIECES, fileCount: 1 }
  const header = { infoHash: new Uint8Array(20), name: "dataset" }
  const options = { ...shape, disk, path: PATH, folder: FOLDER, header, bootId: "this start" }
  /** What the first bytes of a journal say. */
  const said = (bytes: Uint8Array): JournalState | undefined =>
    decodeJournal(bytes, { infoHash: header.infoHash, ...shape })?.state
  /** What whoever comes now would read: a state for each piece. */
  const pieces = (): number[] => {
    const bytes = world.disk.readFile(PATH)
    const state = bytes && said(bytes)
    return [...(state?.pieces ?? new Uint8Array(PIECES))]
  }
  return { world, options, journal: Journal.blank(options), said, pieces }
}

describe("a journal", () => {
  it("says things in the order in which it was told, and has said them when it promises so", async () => {
    // How long each operation takes is for chance.
    for (let seed = 0; seed < 8; seed++) {
      const { world, journal, pieces } = await stage(seed)
      const set = (piece: number, state: PieceState) => journal.setPiece(piece, state)
      const work = async (): Promise<void> => {
        set(0, begun)
        const first = journal.flush()
        // Joins what was told in the same turn.
        set(1, begun)
        await first
        expect(pieces().slice(0, 2)).toEqual([begun, begun])
        set(0, written)
        const second = journal.flush()
        await Promise.resolve()
        set(2, begun)
        const third = journal.flushed([2])
        await third
        expect(pieces()[2]).toBe(begun)
        set(1, written)
        set(3, begun)
        await Promise.all([second, journal.flush()])
        expect(pieces()).toEqual([written, written, begun, begun])
      }
      const seen: string[] = []
      await atEveryStep(world, work(), async () => {
        const now = pieces().join("")
        if (seen.at(-1) !== now) seen.push(now)
      })
      const order = [
        [absent, absent, absent, absent],
        [begun, begun, absent, absent],
        [written, begun, absent, absent],
        [written, begun, begun, absent],
        [written, written, begun, begun],
      ].map((states) => states.join(""))
      // What was told together may be said together.
      expect(order.filter((states) => seen.includes(states))).toEqual(seen)
      await world.run(journal.close())
    }
  })

  it("writes one append at a time, each behind the last", async () => {
    const { world, journal } = await stage(1)
    const work = async (): Promise<void> => {
      const flushes: Promise<void>[] = []
      for (const state of [begun, written, absent]) {
        for (let piece = 0; piece < PIECES; piece++) {
          journal.setPiece(piece, state)
          flushes.push(journal.flush())
          await Promise.resolve()
          await Promise.resolve()
          await Promise.resolve()
        }
      }
      await Promise.all(flushes)
    }
    await world.run(work())
    const writes = world.disk.operations.filter(({ kind }) => kind === "write")
    expect(writes.length).toBeGreaterThan(1)
    let end = 0
    for (const { position, length } of writes) {
      expect(position).toBe(end)
      end += length!
    }
    await world.run(journal.close())
  })

  it("calls what it says this process's own only behind all of it, however an append is torn", async () => {
    const { world, journal, said } = await stage(1)
    journal.takeOver()
    for (let piece = 0; piece < PIECES; piece++) journal.setPiece(piece, begun)
    await world.run(journal.flush())
    const bytes = world.disk.readFile(PATH)!
    expect(said(bytes)).toMatchObject({ bootId: "this start" })
    for (let length = 0; length < bytes.length; length++) {
      const state = said(bytes.subarray(0, length))
      if (state?.bootId === "this start") expect([...state.pieces]).toEqual(Array(PIECES).fill(begun))
    }
    await world.run(journal.close())
  })

  it("is read to its end however often the data was repaired", async () => {
    const { world, options, journal } = await stage(1)
    await world.run(journal.rewrite())
    await world.run(journal.close())
    for (let repair = 0; repair < 600; repair++) {
      const next = (await world.run(Journal.read(options)))!
      expect([repair, next.state.pieces[0]]).toEqual([repair, repair === 0 ? absent : done])
      next.takeOver()
      for (const state of [absent, begun, written, done]) {
        for (let piece = 0; piece < PIECES; piece++) next.setPiece(piece, state)
        await world.run(next.flush())
      }
      await world.run(next.markClean())
      await world.run(next.close())
    }
    expect((await world.run(Journal.read(options)))!.state.clean).toBe(true)
  })
})
