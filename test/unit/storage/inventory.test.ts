import { describe, expect, it } from "vitest"
import { toHex } from "../../../src/bytes/hex.js"
import { findComplete } from "../../../src/storage/inventory.js"
import { decodeInventory, encodeInventory, type Inventory } from "../../../src/storage/inventory-format.js"
import { stateDirectory } from "../../../src/storage/state-directory.js"
import { DATASTORE, fill, type Sample, sample, smallTree, World } from "./fixture.js"

const placeOf = (of: Sample): string => `${stateDirectory(DATASTORE, of.metainfo.infoHash)}/inventory`

const journalOf = (of: Sample): string => `${stateDirectory(DATASTORE, of.metainfo.infoHash)}/journal`

const find = (world: World, { metainfo: { infoHash } }: Sample): Promise<Inventory | undefined> =>
  world.run(findComplete(world.platform, { datastore: DATASTORE, infoHash }))

async function completed(of: Sample): Promise<World> {
  const world = new World()
  const store = await world.open(of)
  await world.run(fill(store, of))
  await world.run(store.close())
  return world
}

describe("the inventory of a complete dataset", () => {
  it("says where it is, how large, and what its files look like", async () => {
    const world = await completed(smallTree)
    const { name, dataLength, pieceCount, paths, infoHash } = (await find(world, smallTree))!
    expect({ name, dataLength, pieceCount, paths }).toEqual({
      name: "dataset",
      dataLength: 5800,
      pieceCount: 6,
      paths: ["big", "s1", "s2", "end"],
    })
    expect(toHex(infoHash)).toBe(toHex(smallTree.metainfo.infoHash))
  })

  it("is of a file that is a dataset itself, or of folders with empty files and padding", async () => {
    const file = sample({
      kind: "file",
      name: "one.bin",
      pieceLength: 1000,
      files: [{ path: "one.bin", length: 2500 }],
    })
    const world = await completed(file)
    expect((await find(world, file))?.paths).toEqual([""])
    world.disk.putFile(file.pathOf(0), file.fileData(0))
    expect(await find(world, file)).toBeUndefined()

    const tree = sample({
      pieceLength: 1000,
      files: [
        { path: "a", length: 700 },
        { path: ".pad/300", length: 300, padding: true },
        { path: "empty", length: 0 },
        { path: "deep/b", length: 50 },
      ],
    })
    expect((await find(await completed(tree), tree))?.paths).toEqual(["a", "empty", "deep/b"])
  })

  it("is there as soon as the last file is, and not before", async () => {
    const world = new World()
    const some = await world.open(smallTree, { selected: new Set([0, 1]) })
    await world.run(fill(some, smallTree))
    await world.run(some.close())
    expect(await find(world, smallTree)).toBeUndefined()
    const all = await world.open(smallTree)
    await world.run(fill(all, smallTree))
    expect(await find(world, smallTree)).toBeUndefined()
    await world.run(all.close())
    expect(await find(world, smallTree)).toBeDefined()
  })

  it("stays while the dataset is open, and is not written anew when nothing changed", async () => {
    const world = await completed(smallTree)
    const before = await world.run(world.disk.stat(placeOf(smallTree)))
    await world.clock.run(10)
    const store = await world.open(smallTree)
    expect(await find(world, smallTree)).toBeDefined()
    await world.run(store.close())
    expect(await world.run(world.disk.stat(placeOf(smallTree)))).toEqual(before)
  })

  it("is no good any more once the journal says something else, and is renewed when all is there again", async () => {
    const world = await completed(smallTree)
    const store = await world.open(smallTree)
    store.lose(2)
    await world.run(store.close())
    expect(await find(world, smallTree)).toBeUndefined()
    const repaired = await world.open(smallTree)
    await world.run(fill(repaired, smallTree))
    await world.run(repaired.close())
    expect(await find(world, smallTree)).toBeDefined()
  })

  it("holds, of what may not be on the disk itself, until the machine starts anew", async () => {
    // More than a close waits for.
    const large = sample({ pieceLength: 2 ** 20, files: [{ path: "large", length: 16 * 2 ** 20 }] })
    const world = await completed(large)
    expect((await find(world, large))?.bootId).toBe(await world.run(world.disk.bootId()))
    const restarted = world.powerCut(1)
    expect(Buffer.compare(restarted.disk.readFile(large.pathOf(0))!, large.data)).toBe(0)
    expect(await find(restarted, large)).toBeUndefined()
    // All of a small one is on the disk when it is closed.
    expect((await find(await completed(smallTree), smallTree))?.bootId).toBe("")
    expect(await find((await completed(smallTree)).powerCut(1), smallTree)).toBeDefined()
  })

  it("is not made where it can't be told whether the machine was started anew, of what may not be on the disk", async () => {
    const world = new World()
    world.disk.bootId = () => Promise.resolve("")
    const large = sample({ name: "large", pieceLength: 2 ** 20, files: [{ path: "large", length: 16 * 2 ** 20 }] })
    for (const of of [large, smallTree]) {
      const store = await world.open(of)
      await world.run(fill(store, of))
      await world.run(store.close())
      expect(world.disk.readFile(placeOf(of)) !== undefined).toBe(of === smallTree)
    }
  })

  it("is not made when the dataset was not closed well", async () => {
    const world = new World()
    const store = await world.open(smallTree)
    await world.run(fill(store, smallTree))
    await world.run(store.flush())
    world.disk.failAt(({ kind, path }) => kind === "write" && path.includes("/journal"), "io", "forever")
    await world.run(store.close())
    expect(world.disk.readFile(placeOf(smallTree))).toBeUndefined()
  })

  it("leaves no draft where there is no room for it", async () => {
    const world = new World()
    const store = await world.open(smallTree)
    await world.run(fill(store, smallTree))
    world.disk.failAt(({ kind, path }) => kind === "write" && path.endsWith("/inventory.new"), "full", "forever")
    await world.run(store.close())
    expect(world.disk.filePaths().filter((path) => path.includes("inventory"))).toEqual([])
    world.disk.faults.clear()
    await world.run((await world.open(smallTree)).close())
    expect(await find(world, smallTree)).toBeDefined()
  })

  it("is made anew when it is damaged", async () => {
    const world = await completed(smallTree)
    const right = world.disk.readFile(placeOf(smallTree))!
    for (const wrong of [right.subarray(0, 60), right.map((byte, at) => (at === 90 ? byte ^ 1 : byte))]) {
      world.disk.putFile(placeOf(smallTree), wrong)
      expect(await find(world, smallTree)).toBeUndefined()
      await world.run((await world.open(smallTree)).close())
      expect(world.disk.readFile(placeOf(smallTree))).toEqual(right)
    }
  })

  it("is no good with another journal, though that looks the same", async () => {
    const world = await completed(smallTree)
    const journal = world.disk.readFile(journalOf(smallTree))!
    const handle = await world.run(world.disk.open(journalOf(smallTree), "write"))
    // As a power cut leaves what was not synced.
    await world.run(handle.write([new Uint8Array(6)], journal.length - 6))
    await world.run(handle.close())
    expect(await find(world, smallTree)).toBeUndefined()
  })

  it("ends early when its caller stops", async () => {
    const world = await completed(smallTree)
    const { infoHash } = smallTree.metainfo
    const place = { datastore: DATASTORE, infoHash, signal: AbortSignal.abort() }
    const looks = (): number => world.disk.operations.filter(({ kind }) => kind === "stat").length
    const before = looks()
    expect(await world.run(findComplete(world.platform, place))).toBeUndefined()
    expect(looks() - before).toBeLessThan(7)
  })

  it("ends no process that reads a forged one of millions of names", async () => {
    const world = await completed(smallTree)
    const inventory = (await find(world, smallTree))!
    const forged = encodeInventory({ ...inventory, paths: ["\0".repeat(120e6)] }, world.platform.hasher)
    expect(decodeInventory(forged, world.platform.hasher)).toBeUndefined()
  })

  it("is not made of a file that is too long", async () => {
    const world = await completed(smallTree)
    world.disk.putFile(smallTree.pathOf(0), Buffer.concat([smallTree.fileData(0), Buffer.of(1)]))
    const store = await world.open(smallTree, { toFetch: false })
    expect(store.have.count).toBe(6)
    await world.run(store.close())
    expect(await find(world, smallTree)).toBeUndefined()
  })

  it("replaces what a run left that was killed while it wrote one", async () => {
    const world = new World()
    const store = await world.open(smallTree)
    world.disk.putFile(`${placeOf(smallTree)}.new`, new Uint8Array(100_000))
    await world.run(fill(store, smallTree))
    await world.run(store.close())
    expect(await find(world, smallTree)).toBeDefined()
  })

  it("is nobody's who has it from another dataset's folder", async () => {
    const other = sample({ pieceLength: 1000, seed: 2, name: "other", files: [{ path: "a", length: 3000 }] })
    const world = await completed(smallTree)
    const { disk, hasher } = world.platform
    const theirs = (await find(world, smallTree))!
    const journal = world.disk.readFile(journalOf(smallTree))!
    world.disk.putFile(journalOf(other), journal)
    await world.run(disk.makeDirectory(stateDirectory(DATASTORE, other.metainfo.infoHash)))
    world.disk.putFile(placeOf(other), encodeInventory(theirs, hasher))
    expect(await find(world, other)).toBeUndefined()
    world.disk.putFile(placeOf(other), encodeInventory({ ...theirs, infoHash: other.metainfo.infoHash }, hasher))
    expect(await find(world, other)).toBeDefined()
  })

  it("is not believed with a bit flipped, or cut off, at any place", async () => {
    const world = await completed(smallTree)
    const bytes = world.disk.readFile(placeOf(smallTree))!
    const { hasher } = world.platform
    for (let at = 0; at < bytes.length; at++) {
      const wrong = bytes.slice()
      wrong[at]! ^= 1 << (at % 8)
      expect(decodeInventory(wrong, hasher)).toBeUndefined()
      expect(decodeInventory(bytes.subarray(0, at), hasher)).toBeUndefined()
    }
    const inventory = decodeInventory(bytes, hasher)!
    expect(encodeInventory(inventory, hasher)).toEqual(bytes)
    // What leads out of the datastore is made harmless, should somebody have written it.
    const forged = encodeInventory({ ...inventory, name: "../../etc" }, hasher)
    expect(decodeInventory(forged, hasher)?.name).toBe(".._.._etc")
  })
})
