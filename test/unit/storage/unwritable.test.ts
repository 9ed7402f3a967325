import { describe, expect, it } from "vitest"
import type { UnwritableOptions } from "../../../src/storage/open-unwritable.js"
// What is loaded when it is needed: the virtual clock does not wait for files.
import "../../../src/storage/open-unwritable.js"
import { PieceStore } from "../../../src/storage/piece-store.js"
import { DATASTORE, fill, type Sample, sample, someBytes, smallTree as tree, World, wrongClaims } from "./fixture.js"

/** The files of the tree. */
const [BIG, S1, S2] = [0, 1, 2]

/** So many pieces that a sample does not see them all. */
const long = sample({ name: "long", kind: "file", pieceLength: 100, files: [{ path: "long", length: 40_000 }] })

/** Opens it where nothing can be written; `checked` is told how many bytes had to be hashed. */
async function open(world: World, of: Sample, options: Partial<UnwritableOptions> = {}) {
  world.disk.forbid(DATASTORE, "read-only")
  let checked = 0
  const store = await world.run(
    PieceStore.openUnwritable({
      platform: world.platform,
      metainfo: of.metainfo,
      datastore: DATASTORE,
      verify: "auto",
      onChecking: (done) => {
        checked = done
      },
      ...options,
    }),
  )
  return { store, checked }
}

async function filled(of: Sample, options: { selected?: Set<number> } = {}): Promise<World> {
  const world = new World()
  const store = await world.open(of, options)
  await world.run(fill(store, of))
  await world.run(store.close())
  return world
}

describe("a dataset where nothing can be written", () => {
  it("is believed without reading, as its journal was closed and its files are as they were", async () => {
    const world = await filled(tree)
    const { store, checked } = await open(world, tree)
    expect(store.have.complete).toBe(true)
    expect(checked).toBe(0)
    expect(await world.run(wrongClaims(store, tree))).toEqual([])
    await world.run(store.close())
  })

  it("is hashed all the same on demand", async () => {
    const world = await filled(tree)
    world.disk.flipByte(tree.pathOf(BIG), 1500)
    const { store, checked } = await open(world, tree, { verify: "always" })
    expect([...store.have]).toEqual([0, 2, 3, 4, 5])
    expect(checked).toBe(tree.layout.length)
    await world.run(store.close())
  })

  it("is hashed where a file was changed since", async () => {
    const world = await filled(tree)
    const changed = tree.fileData(BIG).slice()
    changed[1500]! ^= 1
    world.disk.putFile(tree.pathOf(BIG), changed)
    const { store, checked } = await open(world, tree)
    expect([...store.have]).toEqual([0, 2, 3, 4, 5])
    expect(checked).toBe(4000)
    expect(await world.run(wrongClaims(store, tree))).toEqual([])
    await world.run(store.close())
  })

  it("is hashed as a whole when a sample is wrong after a power cut", async () => {
    const world = new World()
    const first = await world.open(long)
    await world.run(fill(first, long))
    await world.run(first.flush())
    const after = world.powerCut(1)
    const all = [...first.have]
    const damaged = all.filter((piece) => piece % 3 === 0)
    for (const piece of damaged) after.disk.flipByte(long.pathOf(0), 100 * piece)
    const { store } = await open(after, long)
    expect([...store.have]).toEqual(all.filter((piece) => piece % 3 !== 0))
    await after.run(store.close())
  })

  it("is not hashed as a whole after a power cut when the sample is right", async () => {
    const world = new World()
    const first = await world.open(long)
    await world.run(fill(first, long))
    await world.run(first.flush())
    const after = world.powerCut(1)
    const { store, checked } = await open(after, long)
    expect(store.have.complete).toBe(true)
    expect(checked).toBeGreaterThan(0)
    expect(checked).toBeLessThan(long.layout.length / 2)
    await after.run(store.close())
  })

  it("gives pieces at the borders of the chosen files as far as what they hold of others is kept", async () => {
    const world = await filled(tree, { selected: new Set([S2]) })
    const { store } = await open(world, tree, { selected: new Set([S2]) })
    expect([...store.have]).toEqual([3])
    expect(await world.run(wrongClaims(store, tree))).toEqual([])
    await world.run(store.close())
  })

  it("does not claim such a piece when what was kept is gone, or something else stands where it belongs", async () => {
    for (const how of ["gone", "elsewhere"] as const) {
      const world = await filled(tree, { selected: new Set([S2]) })
      const edge = world.disk.filePaths().find((path) => path.includes("/edges/"))!
      if (how === "gone") await world.run(world.disk.remove(edge))
      else world.disk.putFile(tree.pathOf(S1), someBytes(100, "foreign"))
      const { store } = await open(world, tree, { selected: new Set([S2]) })
      expect([...store.have]).toEqual([])
      await world.run(store.close())
    }
  })
})
