import { describe, expect, it } from "vitest"
import type { DiskOperation } from "../../sim/lib/disk-faults.js"
import { MemoryDisk } from "../../sim/lib/memory-disk.js"
import { SimRandom } from "../../sim/lib/sim-random.js"
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
    // All of three pieces: the first come first, and the files are there when the others come.
    const many = sample({
      pieceLength: 100,
      files: Array.from({ length: 200 }, (_, i) => ({ path: `${i}.csv`, length: 300 })),
    })
    const world = new World()
    const store = await world.open(many)
    for (const third of [0, 1, 2]) {
      const pieces = many.layout.files.map((_, file) => 3 * file + third)
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

/** Two pieces with seven files each, and one that lies in both. */
const across = sample({
  pieceLength: 5000,
  files: [
    ...Array.from({ length: 7 }, (_, i) => ({ path: `${i}.csv`, length: 600 + i })),
    { path: "across.csv", length: 1200 },
    ...Array.from({ length: 7 }, (_, i) => ({ path: `${8 + i}.csv`, length: 600 + i })),
  ],
})
const ACROSS = across.pathOf(7)
const isAcross = ({ path }: Pick<DiskOperation, "path">) => path.startsWith(ACROSS)

describe("a small file that lies across two pieces", () => {
  it.each([
    [0, 1],
    [1, 0],
  ])("is written in lists with the others, whichever piece comes first (%i)", async (...pieces) => {
    const world = new World()
    const store = await world.open(across)
    const { disk } = world
    const lists: string[][] = []
    const writeFiles = disk.writeFiles.bind(disk)
    disk.writeFiles = (writes) => {
      lists.push(writes.map(({ path }) => path))
      return writeFiles(writes)
    }
    for (const piece of pieces) await world.run(fill(store, across, { pieces: [piece] }))
    expect(lists.map((list) => list.filter((path) => path === `${ACROSS}.part`))).toEqual([
      [`${ACROSS}.part`],
      [`${ACROSS}.part`],
    ])
    expectComplete(world, across)
    expect(store.fileComplete(7)).toBe(true)
    await world.run(store.close())
  })

  it.each([
    ["open", 0],
    ["open", 1],
    ["write", 0],
    ["write", 1],
    ["stat-handle", 1],
    ["close", 1],
  ] as const)("is written by itself where that did not work in a list (%s, piece %i)", async (kind, failing) => {
    const world = new World()
    const store = await world.open(across)
    for (const piece of [0, 1]) {
      if (piece === failing) world.disk.failAt((operation) => operation.kind === kind && isAcross(operation), "io")
      await world.run(fill(store, across, { pieces: [piece] }))
    }
    expectComplete(world, across)
    await world.run(store.close())
  })

  it("is whole though both pieces, and others, are written at the same time on a slow disk", async () => {
    // Two pieces are a full batch, so that four batches are under way at a time.
    const large = sample({
      pieceLength: 2 ** 19,
      files: Array.from({ length: 60 }, (_, i) => ({ path: `${i}.csv`, length: 66_000 + i })),
    })
    const all = [...Array(large.layout.pieceCount).keys()]
    const pieces = [...all.filter((piece) => piece % 2 === 0), ...all.filter((piece) => piece % 2 === 1)]
    for (let seed = 1; seed <= 6; seed++) {
      const random = new SimRandom(seed)
      const world = new World({ seed, disk: (clock) => new MemoryDisk({ clock, random, delay: 100 }) })
      const store = await world.open(large)
      if (seed > 3) world.disk.failAt(({ kind, path }) => kind === "open" && path.endsWith("/7.csv.part"), "io")
      const outcomes = await world.run(Promise.all(pieces.map((piece) => commit(store, large, piece))))
      expect(outcomes.filter(({ kind }) => kind !== "stored")).toEqual([])
      expectComplete(world, large)
      await world.run(store.close())
      // The next start believes it without reading.
      const next = world.killed()
      const again = await next.open(large)
      expect(again.have.count).toBe(large.layout.pieceCount)
      expect(next.disk.operations.filter(({ kind, path }) => kind === "read" && path.includes(".csv"))).toEqual([])
      await next.run(again.close())
    }
  })

  it("is not taken for ours when somebody replaced it between the two", async () => {
    const world = new World()
    const store = await world.open(across)
    await world.run(fill(store, across, { pieces: [0] }))
    const foreign = Uint8Array.of(1, 2, 3)
    world.disk.putFile(`${ACROSS}.part`, foreign)
    expect(await world.run(commit(store, across, 1))).toMatchObject({ kind: "failed" })
    expect([...store.have]).toEqual([])
    await expect(world.run(fill(store, across))).rejects.toMatchObject({ code: "AT_EXISTS" })
    expect(world.disk.readFile(`${ACROSS}.part`)).toEqual(foreign)
    await world.run(store.close())
  })
})
