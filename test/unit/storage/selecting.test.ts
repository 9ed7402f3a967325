import { describe, expect, it } from "vitest"
import { commit, fill, sample, someBytes, smallTree as tree, World, wrongClaims } from "./fixture.js"
import { holdingWorld } from "./holding-disk.js"

const code = (value: string) => expect.objectContaining({ code: value })

/** The files of the tree. */
const [BIG, S1, S2, END] = [0, 1, 2, 3]

/** Only `s2` is wanted, and there: the rest of its piece stands in `edges/`. */
async function withEdges(seed: string | number = 1) {
  const world = new World({ seed })
  const store = await world.open(tree, { selected: new Set([S2]) })
  await world.run(fill(store, tree))
  return { world, store }
}

/** A file between two others shares a piece with each. */
const beside = sample({
  pieceLength: 1000,
  files: [
    { path: "first", length: 1500 },
    { path: "neighbour", length: 1200 },
    { path: "last", length: 1800 },
  ],
})

describe("another selection", () => {
  it("keeps nobody from reading what is there, whose bytes are being moved", async () => {
    // Where a read meets the move is for chance.
    for (let seed = 0; seed < 4; seed++) {
      const { world, store } = await withEdges(seed)
      const lost: number[] = []
      store.onLost = (piece) => lost.push(piece)
      let selected = false
      const selecting = store.select(new Set([S1, S2])).then(() => {
        selected = true
      })
      const reading = async (): Promise<void> => {
        while (!selected) {
          const into = new Uint8Array(1000)
          await store.read(3, 0, into)
          expect(Buffer.compare(into, tree.pieceData(3))).toBe(0)
        }
      }
      await world.run(Promise.all([selecting, reading()]))
      expect(lost).toEqual([])
      expect(store.fileComplete(S1)).toBe(true)
      await world.run(store.close())
    }
  })

  it("does not wait for a moment in which nobody reads", async () => {
    const { world, store } = await withEdges()
    await world.run(store.select(new Set([S2, END])))
    await world.run(fill(store, tree))
    let selected = false
    const lane = async (): Promise<void> => {
      while (!selected) await store.read(4, 0, new Uint8Array(500))
    }
    const lanes = [lane(), lane(), lane()]
    const selecting = store.select(new Set([S1, S2, END])).then(() => {
      selected = true
    })
    await world.clock.run(2000)
    expect(selected).toBe(true)
    await world.run(Promise.all([...lanes, selecting]))
    await world.run(store.close())
  })

  it("that can't be has cost nothing", async () => {
    const { world, store } = await withEdges()
    world.disk.putFile(tree.pathOf(S1), someBytes(99, "foreign"))
    await expect(world.run(store.select(new Set([S1, S2])))).rejects.toEqual(code("AT_EXISTS"))
    expect([...store.have]).toEqual([3])
    expect(store.fileComplete(S2)).toBe(true)
    expect(await world.run(wrongClaims(store, tree))).toEqual([])
    await world.run(store.close())
    const again = await world.open(tree, { selected: new Set([S2]) })
    expect([...again.have]).toEqual([3])
    await world.run(again.close())
  })

  it.each([true, false])("claims no piece whose bytes in edges/ are gone (possible: %s)", async (possible) => {
    const { world, store } = await withEdges()
    const lost: number[] = []
    store.onLost = (piece) => lost.push(piece)
    const edge = world.disk.filePaths().find((path) => path.includes("/edges/"))!
    const handle = await world.run(world.disk.open(edge, "write"))
    await world.run(handle.truncate(0))
    if (!possible) world.disk.putFile(tree.pathOf(END), someBytes(2000, "foreign"))
    const selecting = world.run(store.select(new Set([S1, S2, END])))
    if (possible) await selecting
    else await expect(selecting).rejects.toEqual(code("AT_EXISTS"))
    expect([...store.have]).toEqual([])
    expect(lost).toEqual([3])
    await world.run(store.close())
  })

  it("can be repeated after the disk failed while bytes were moved: what was moved so far is known as ours", async () => {
    const { world, store } = await withEdges()
    const part = `${tree.pathOf(BIG)}.part`
    world.disk.failAt(({ kind, path }) => kind === "write" && path === part, "full")
    await expect(world.run(store.select(new Set([BIG, S2])))).rejects.toEqual(code("AT_DISK_FULL"))
    expect(world.disk.readFile(part)!.length).toBeGreaterThan(3000)
    await world.run(store.select(new Set([BIG, S2])))
    expect(store.have.has(3)).toBe(true)
    await world.run(fill(store, tree))
    expect(world.disk.readFile(tree.pathOf(BIG))).toEqual(tree.fileData(BIG))
    await world.run(store.close())
  })

  it("does not make a file foreign that was begun before a power cut, and not wanted by the next run", async () => {
    const two = sample({
      pieceLength: 10_000,
      files: [
        { path: "begun", length: 15_000 },
        { path: "other", length: 10_000 },
      ],
    })
    const world = new World()
    const store = await world.open(two)
    await world.run(commit(store, two, 0))
    // What a power cut leaves is for chance.
    for (let chance = 0; chance < 100; chance++) {
      const next = world.powerCut(0.5, "next", chance)
      await next.run(commit(await next.open(two, { selected: new Set([1]) }), two, 1))
      const later = next.killed()
      const without = await later.open(two, { selected: new Set([1]) })
      expect(without.have.has(1)).toBe(true)
      await later.run(without.close())
      const again = await later.open(two)
      await later.run(fill(again, two))
      expect(later.disk.readFile(two.pathOf(0))).toEqual(two.fileData(0))
      await later.run(again.close())
    }
    await world.run(store.close())
  })

  it("does not bring back the claim of a piece that was lost while others were hashed", async () => {
    const { world, disk } = holdingWorld()
    const store = await world.open(beside, { selected: new Set([0]) })
    await world.run(fill(store, beside))
    disk.putFile(beside.pathOf(2), beside.fileData(2))
    const lost: number[] = []
    store.onLost = (piece) => lost.push(piece)
    const { release } = disk.slow(({ kind, path }) => kind === "read" && path === beside.pathOf(2))
    const selecting = store.select(new Set([0, 2]))
    await world.clock.run(100)
    expect(disk.held).toBeGreaterThan(0)
    store.lose(0)
    release()
    await world.run(selecting)
    expect(lost).toContain(0)
    expect([...store.have]).toEqual([1, 3, 4])
    expect(store.fileComplete(0)).toBe(false)
    await world.run(fill(store, beside))
    expect(store.fileComplete(0)).toBe(true)
    await world.run(store.close())
  })

  it("is not complete with a file of which somebody removed some bytes from edges/, and others are there", async () => {
    const world = new World()
    const part = await world.open(beside, { selected: new Set([0, 2]) })
    await world.run(fill(part, beside))
    await world.run(part.close())
    await world.run(world.disk.remove(world.disk.filePaths().find((path) => path.endsWith("/edges/1"))!))
    const store = await world.open(beside)
    expect([...store.have]).toEqual([0, 2, 3, 4])
    expect(await world.run(wrongClaims(store, beside))).toEqual([])
    await world.run(fill(store, beside))
    expect(world.disk.readFile(beside.pathOf(1))).toEqual(beside.fileData(1))
    await world.run(store.close())
  })

  it.each(["at once", "by the next run"])(
    "takes nothing from a neighbour of which we hold some bytes elsewhere: %s",
    async (when) => {
      const world = new World()
      let store = await world.open(beside, { selected: new Set([0]) })
      await world.run(fill(store, beside))
      world.disk.putFile(beside.pathOf(1), someBytes(1200, "foreign"))
      world.disk.putFile(beside.pathOf(2), beside.fileData(2))
      if (when === "at once") await world.run(store.select(new Set([0, 2])))
      else {
        await world.run(store.close())
        store = await world.open(beside, { selected: new Set([0, 2]) })
      }
      expect([...store.have]).toEqual([0, 1, 3, 4])
      expect(await world.run(wrongClaims(store, beside))).toEqual([])
      await world.run(store.close())
    },
  )
})
