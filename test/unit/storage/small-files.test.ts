import { describe, expect, it } from "vitest"
import type { DiskOperation } from "../../sim/lib/disk-faults.js"
import { commit, fill, type Sample, sample, World } from "./fixture.js"
import { doneIn, wrongOnDisk } from "./recovery.js"

/** A piece with six files whole, and one that goes on in the next. */
const small = sample({
  pieceLength: 5000,
  files: [
    ...Array.from({ length: 6 }, (_, i) => ({ path: `folder/${i}.csv`, length: 700 + i })),
    { path: "last.csv", length: 3000 },
  ],
})

function expectComplete(world: World, of: Sample): void {
  const paths = of.layout.files.map((_, index) => of.pathOf(index))
  expect(world.dataPaths()).toEqual(paths.sort())
  for (let index = 0; index < of.layout.files.length; index++) {
    expect(Buffer.compare(world.disk.readFile(of.pathOf(index))!, of.fileData(index))).toBe(0)
  }
}

const of = (index: number, kind: DiskOperation["kind"]) => (operation: DiskOperation) =>
  operation.kind === kind && operation.path.endsWith(`/${index}.csv.part`)

describe("small files", () => {
  it("are opened once each", async () => {
    const world = new World()
    const store = await world.open(small)
    await world.run(fill(store, small))
    expectComplete(world, small)
    for (let index = 0; index < 6; index++) expect(world.disk.operations.filter(of(index, "open"))).toHaveLength(1)
    await world.run(store.close())
  })

  it.each(["open", "write", "stat-handle", "close", "rename"] as const)(
    "are made one by one where that did not work in a list (%s)",
    async (kind) => {
      const world = new World()
      const store = await world.open(small)
      world.disk.failAt(of(3, kind), "io")
      await world.run(fill(store, small))
      expect(store.fileComplete(3)).toBe(true)
      expectComplete(world, small)
      await world.run(store.close())
    },
  )

  it("leave alone what came in their way meanwhile", async () => {
    for (const suffix of ["", ".part"]) {
      const world = new World()
      const store = await world.open(small)
      const path = `${small.pathOf(3)}${suffix}`
      world.disk.putFile(path, Uint8Array.of(1, 2, 3))
      await expect(world.run(fill(store, small))).rejects.toMatchObject({ code: "AT_EXISTS" })
      expect(world.disk.readFile(path)).toEqual(Uint8Array.of(1, 2, 3))
      await world.run(store.close())
    }
  })

  it("are brought to the disk itself in turns, in folders of their own too, and all of them on flush", async () => {
    const many = sample({
      pieceLength: 1000,
      files: Array.from({ length: 3000 }, (_, i) => ({ path: `${i % 1500}/${i}.csv`, length: 100 })),
    })
    const world = new World()
    const store = await world.open(many)
    await world.run(fill(store, many))
    const syncs = () => world.disk.operations.filter(({ kind }) => kind === "sync" || kind === "sync-directory").length
    const before = syncs()
    await world.clock.run(5_500)
    const first = syncs() - before
    expect(first).toBeGreaterThan(500)
    expect(first).toBeLessThan(1_100)
    await world.run(store.flush())
    const after = world.powerCut(0)
    const again = await after.open(many)
    expect(again.have.count).toBe(many.layout.pieceCount)
    await after.run(again.close())
    await world.run(store.close())
  })

  it("are durable when the journal says so, though one could not be given its name", async () => {
    const own = sample({
      pieceLength: 5000,
      files: Array.from({ length: 6 }, (_, i) => ({ path: `${i}/file`, length: 700 + i })),
    })
    const world = new World()
    const store = await world.open(own)
    world.disk.putDirectory(own.pathOf(3))
    await expect(world.run(fill(store, own))).rejects.toMatchObject({ code: "AT_EXISTS" })
    await world.run(store.flush())
    const after = world.powerCut(0)
    expect(doneIn(after, own)).toEqual([0])
    expect(wrongOnDisk(after, own, [0])).toEqual([])
    await world.run(store.close())
  })

  it("may be more in one batch of pieces than files may be open at a time", async () => {
    // All of two pieces: the first come first, and the files are there when the second come.
    const many = sample({
      pieceLength: 100,
      files: Array.from({ length: 200 }, (_, i) => ({ path: `${i}.csv`, length: 200 })),
    })
    const world = new World()
    const store = await world.open(many)
    for (const half of [0, 1]) {
      const pieces = many.layout.files.map((_, file) => 2 * file + half)
      const outcomes = await world.run(Promise.all(pieces.map((piece) => commit(store, many, piece))))
      expect(outcomes.filter(({ kind }) => kind !== "stored")).toEqual([])
    }
    expectComplete(world, many)
    await world.run(store.close())
  })

  it("keep their stamps: the next start believes them without reading", async () => {
    const world = new World()
    const store = await world.open(small)
    await world.run(fill(store, small))
    await world.run(store.close())
    const next = world.killed()
    const again = await next.open(small)
    expect(again.have.count).toBe(small.layout.pieceCount)
    expect(next.disk.operations.filter(({ kind, path }) => kind === "read" && path.includes(".csv"))).toEqual([])
    await next.run(again.close())
  })
})
