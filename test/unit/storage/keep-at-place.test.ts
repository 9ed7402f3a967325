import { describe, expect, it } from "vitest"
import type { PieceStore } from "../../../src/storage/piece-store.js"
// What is loaded when it is needed: the virtual clock does not wait for files.
import "../../../src/storage/open-unwritable.js"
import { PieceStore as Store } from "../../../src/storage/piece-store.js"
import { verifyData } from "../../../src/storage/verify.js"
import { DATASTORE, fill, sample, someBytes, smallTree as tree, World, wrongClaims } from "./fixture.js"

/** The files of the tree. */
const [BIG, S1, S2] = [0, 1, 2]
const PART = `${tree.pathOf(BIG)}.part`

function edges({ disk }: World): string[] {
  return disk.filePaths().filter((path) => path.includes("/edges/"))
}

/** Somebody reads pieces of a file, of which nobody wants all. */
async function readFrom(world: World, store: PieceStore, file: number, pieces: number[]): Promise<void> {
  await world.run(store.keepAtPlace(file))
  await world.run(fill(store, tree, { pieces }))
}

async function started(selected: number[] = []) {
  const world = new World()
  const store = await world.open(tree, { selected: new Set(selected) })
  return { world, store }
}

describe("what is read of a file that nobody wants all of", () => {
  it("stands where the file belongs, and nothing more of it is wanted", async () => {
    const { world, store } = await started([S2])
    await readFrom(world, store, BIG, [0, 2])
    expect(world.dataPaths()).toEqual([PART])
    expect(edges(world)).toEqual([])
    expect([...store.wanted]).toEqual([3])
    expect(world.disk.readFile(PART)!.subarray(2000, 3000)).toEqual(tree.pieceData(2))
    await world.run(store.close())
  })

  it.each(["closed", "killed"])(
    "is believed by later runs after this one was %s, and completed by one that wants it",
    async (how) => {
      const { world, store } = await started()
      await readFrom(world, store, BIG, [0, 2])
      await world.run(how === "closed" ? store.close() : store.flush())
      const next = world.killed()
      const other = await next.open(tree, { selected: new Set([S2]) })
      expect([...other.have]).toEqual([0, 2])
      await next.run(other.close())
      const last = next.killed()
      let hashed = 0
      const all = await last.open(tree, {
        onChecking: (done) => {
          hashed = done
        },
      })
      expect(hashed).toBe(0)
      expect([...all.have]).toEqual([0, 2])
      await last.run(fill(all, tree))
      await last.run(all.close())
      expect(last.disk.readFile(tree.pathOf(BIG))).toEqual(tree.fileData(BIG))
    },
  )

  it("is believed where nothing can be written", async () => {
    const { world, store } = await started()
    await readFrom(world, store, BIG, [0, 2])
    await world.run(store.close())
    const next = world.killed()
    next.disk.forbid(DATASTORE, "read-only")
    const options = { platform: next.platform, metainfo: tree.metainfo, datastore: DATASTORE, verify: "auto" as const }
    const only = await next.run(Store.openUnwritable({ ...options, selected: new Set<number>() }))
    expect([...only.have]).toEqual([0, 2])
    expect(await next.run(wrongClaims(only, tree))).toEqual([])
    await next.run(only.close())
  })

  it("is an unfinished file to a check", async () => {
    const { world, store } = await started()
    await readFrom(world, store, BIG, [0, 2])
    await world.run(store.close())
    const { platform } = world
    const report = await world.run(verifyData({ platform, metainfo: tree.metainfo, datastore: DATASTORE }))
    expect(report.files[BIG]).toMatchObject({
      state: "unfinished",
      badPieces: [
        { first: 1, count: 1 },
        { first: 3, count: 1 },
      ],
    })
  })

  it("is the finished file once all of it was read", async () => {
    const { world, store } = await started()
    await readFrom(world, store, BIG, [0, 1, 2, 3])
    expect(world.dataPaths()).toEqual([tree.pathOf(BIG)])
    expect(store.fileComplete(BIG)).toBe(true)
    await world.run(store.close())
  })

  it("has beside it what was in edges/, and nothing is lost by the move", async () => {
    const { world, store } = await started([S2])
    await world.run(fill(store, tree))
    await readFrom(world, store, BIG, [0])
    expect(world.disk.readFile(PART)!.subarray(3000, 3500)).toEqual(tree.fileData(BIG).subarray(3000))
    expect([...store.have]).toEqual([0, 3])
    expect(await world.run(wrongClaims(store, tree))).toEqual([])
    await world.run(store.close())
  })

  it.each([
    ["a file that is not ours", tree.pathOf(BIG), "foreign"],
    ["an unfinished one", PART, "foreign"],
    ["a file where its folder would be", `${DATASTORE}/dataset`, "foreign"],
  ])("stays in edges/ beside %s, which is left alone", async (_, path, seed) => {
    const { world, store } = await started()
    world.disk.putFile(path, someBytes(3500, seed))
    await readFrom(world, store, BIG, [0, 2])
    expect(edges(world)).toHaveLength(2)
    expect(world.disk.readFile(path)).toEqual(someBytes(3500, seed))
    expect(await world.run(wrongClaims(store, tree))).toEqual([])
    await world.run(store.close())
  })

  it("stays in edges/ where an earlier run has put some of it", async () => {
    const { world, store } = await started()
    world.disk.putFile(PART, someBytes(3500, "foreign"))
    await readFrom(world, store, BIG, [1])
    expect(edges(world)).toHaveLength(1)
    await world.run(store.close())
    const next = world.killed()
    await next.run(next.disk.remove(PART))
    const again = await next.open(tree, { selected: new Set() })
    expect([...again.have]).toEqual([1])
    await readFrom(next, again, BIG, [0])
    expect(edges(next)).toHaveLength(2)
    expect(await next.run(wrongClaims(again, tree))).toEqual([])
    await next.run(again.close())
  })

  it("stays where it was when the disk fails while bytes are moved", async () => {
    const { world, store } = await started([S2])
    await world.run(fill(store, tree))
    world.disk.failAt(({ kind, path }) => kind === "write" && path === PART, "full")
    await readFrom(world, store, BIG, [0])
    expect([...store.have]).toEqual([0, 3])
    expect(await world.run(wrongClaims(store, tree))).toEqual([])
    await world.run(store.close())
    const next = world.killed()
    const all = await next.open(tree)
    await next.run(fill(all, tree))
    await next.run(all.close())
    expect(next.disk.readFile(tree.pathOf(BIG))).toEqual(tree.fileData(BIG))
  })

  it("makes no file for what would be no more than two in edges/", async () => {
    const { world, store } = await started()
    await readFrom(world, store, S1, [3])
    expect(world.dataPaths()).toEqual([])
    await world.run(store.close())
  })

  it("needs no room for the rest of it", async () => {
    const of = sample({ pieceLength: 1000, files: [{ path: "large", length: 1_000_000 }] })
    const world = new World({ freeBytes: 50_000 })
    const store = await world.open(of, { selected: new Set() })
    await world.run(store.keepAtPlace(0))
    await world.run(fill(store, of, { pieces: [999] }))
    await world.run(store.close())
    const again = await world.open(of, { selected: new Set() })
    expect([...again.have]).toEqual([999])
    await world.run(again.close())
    await expect(world.open(of)).rejects.toMatchObject({ code: "AT_DISK_FULL" })
  })
})
