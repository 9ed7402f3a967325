import { describe, expect, it } from "vitest"
import { findComplete } from "../../../src/storage/inventory.js"
// What is loaded when it is needed: the virtual clock does not wait for files.
import "../../../src/storage/open-unwritable.js"
import { rawPath } from "../../../src/metainfo/raw-path.js"
import { PieceStore } from "../../../src/storage/piece-store.js"
import { placeFiles } from "../../../src/storage/place-files.js"
import { verifyData } from "../../../src/storage/verify.js"
import { commit, DATASTORE, fill, type Sample, sample, someBytes, World, wrongClaims } from "./fixture.js"

const code = (value: string) => expect.objectContaining({ code: value })

/** A dataset whose author calls its files otherwise than we do; pieces of 1,000. */
function authored(names: readonly (readonly [ours: string, authors: string, length: number])[]): Sample {
  const of = sample({ pieceLength: 1000, files: names.map(([path, , length]) => ({ path, length })) })
  const renamed = new Map(
    names.flatMap(([ours, authors], i) => (ours === authors ? [] : [[i, authors.split("/")] as const])),
  )
  return { ...of, metainfo: { ...of.metainfo, renamed } }
}

const [NOON, WHY, SAME] = [0, 1, 2]
const theirs = authored([
  ["12_00.csv", "12:00.csv", 2500],
  ["a_/why_", "a?/why?", 2700],
  ["same", "same", 800],
])

const root = `${DATASTORE}/dataset`
/** Where the author's own data lies. */
const lies = (of: Sample, index: number): string => `${root}/${rawPath(of.metainfo, index)}`

function authorsWorld(of: Sample = theirs): World {
  const world = new World()
  for (const index of of.layout.files.keys()) world.disk.putFile(lies(of, index), of.fileData(index).slice())
  return world
}

const complete = async (world: World, of: Sample): Promise<boolean> => {
  const { platform } = world
  return (await world.run(verifyData({ platform, metainfo: of.metainfo, datastore: DATASTORE }))).complete
}

describe("data in a datastore under its author's names", () => {
  it("is taken over where it is, and not written to", async () => {
    const world = authorsWorld()
    const paths = world.dataPaths()
    expect(await complete(world, theirs)).toBe(true)
    const store = await world.open(theirs)
    expect(store.have.complete).toBe(true)
    expect(await world.run(wrongClaims(store, theirs))).toEqual([])
    await world.run(store.close())
    expect(world.dataPaths()).toEqual(paths)
    const changes = world.disk.operations.filter(({ kind }) => ["write", "truncate", "rename"].includes(kind))
    expect(changes.every(({ path }) => path.includes(".academictorrents"))).toBe(true)
  })

  it("is believed from then on: by its journal, its inventory, and where nothing can be written", async () => {
    const world = authorsWorld()
    await world.run((await world.open(theirs)).close())
    const { infoHash } = theirs.metainfo
    const inventory = await world.run(findComplete(world.platform, { datastore: DATASTORE, infoHash }))
    expect(inventory?.paths).toEqual(["12:00.csv", "a?/why?", "same"])
    const onChecking = (): never => expect.unreachable("it is not hashed")
    const again = await world.open(theirs, { onChecking })
    expect(again.have.complete).toBe(true)
    await world.run(again.close())
    world.disk.forbid(DATASTORE, "read-only")
    const { platform } = world
    const options = { platform, metainfo: theirs.metainfo, datastore: DATASTORE, verify: "auto", onChecking } as const
    const read = await world.run(PieceStore.openUnwritable(options))
    expect(read.have.complete).toBe(true)
    await world.run(read.close())
  })

  it("is repaired where it is; what is missing is stored under our names", async () => {
    const world = authorsWorld()
    world.disk.flipByte(lies(theirs, WHY), 1500)
    await world.run(world.disk.remove(lies(theirs, NOON)))
    const store = await world.open(theirs)
    await world.run(fill(store, theirs))
    await world.run(store.close())
    expect(world.dataPaths().sort()).toEqual([theirs.pathOf(NOON), lies(theirs, WHY), lies(theirs, SAME)].sort())
    expect(world.disk.readFile(lies(theirs, WHY))).toEqual(theirs.fileData(WHY))
    expect(await complete(world, theirs)).toBe(true)
  })

  it("is not had twice, nor lost, when its repair is cut short", async () => {
    for (const index of [NOON, WHY]) {
      const world = authorsWorld()
      world.disk.flipByte(lies(theirs, index), 1200)
      world.disk.flipByte(lies(theirs, index), 2300)
      const store = await world.open(theirs)
      const [first] = [...store.wanted].filter((piece) => !store.have.has(piece))
      expect((await world.run(commit(store, theirs, first!))).kind).toBe("stored")
      const next = world.killed()
      const again = await next.open(theirs)
      expect(again.have.count).toBe(theirs.layout.pieceCount - 1)
      await next.run(fill(again, theirs))
      await next.run(again.close())
      expect(next.dataPaths().length).toBe(3)
      expect(await complete(next, theirs)).toBe(true)
    }
  })

  it("is never overwritten unasked where it is something else", async () => {
    const world = authorsWorld()
    const other = someBytes(2500, "other")
    world.disk.putFile(lies(theirs, NOON), other)
    await expect(world.open(theirs)).rejects.toEqual(code("AT_EXISTS"))
    expect(world.disk.readFile(lies(theirs, NOON))).toEqual(other)
    const store = await world.open(theirs, { overwrite: true })
    await world.run(fill(store, theirs))
    await world.run(store.close())
    expect(await complete(world, theirs)).toBe(true)
  })

  it("is left alone where there is something under our name", async () => {
    for (const name of ["12_00.csv", "12_00.csv.part"]) {
      const world = authorsWorld()
      world.disk.putFile(`${root}/${name}`, theirs.fileData(NOON).slice())
      world.disk.putFile(lies(theirs, NOON), someBytes(10))
      const store = await world.open(theirs)
      expect(store.have.complete).toBe(true)
      await world.run(store.close())
      expect(world.disk.readFile(lies(theirs, NOON))).toEqual(someBytes(10))
      expect(world.disk.readFile(theirs.pathOf(NOON))).toEqual(theirs.fileData(NOON))
    }
  })

  it("is not reached through links", async () => {
    const world = authorsWorld()
    await world.run(world.disk.remove(lies(theirs, WHY)))
    await world.run(world.disk.removeDirectory(`${root}/a?`))
    world.disk.putFile("/elsewhere/why?", theirs.fileData(WHY).slice())
    world.disk.putLink(`${root}/a?`, "/elsewhere")
    expect(await complete(world, theirs)).toBe(false)
    await world.run(world.disk.remove(lies(theirs, NOON)))
    world.disk.putFile("/elsewhere/noon", theirs.fileData(NOON).slice())
    world.disk.putLink(lies(theirs, NOON), "/elsewhere/noon")
    await expect(world.open(theirs)).rejects.toEqual(code("AT_UNSAFE_PATH"))
  })

  it("is not looked for outside of the dataset's folder", async () => {
    const of = authored([
      ["_", "..", 1500],
      ["__2/_/secret", "a/../secret", 1500],
      ["c", "c", 10],
    ])
    const world = new World()
    world.disk.putFile(`${DATASTORE}/secret`, of.fileData(1).slice())
    world.disk.putFile(`${root}/c`, of.fileData(2).slice())
    const store = await world.open(of)
    await world.run(store.close())
    expect(world.disk.operations.some(({ path }) => path.includes(".."))).toBe(false)
  })
})

describe("a name that is the author's for one file", () => {
  it("can't be ours for another at the same time", async () => {
    const of = authored([
      ["a_b", "a?b", 1500],
      ["a_b~2", "a_b", 1500],
    ])
    const world = new World()
    const first = await world.open(of, { selected: new Set([0]) })
    await world.run(fill(first, of))
    await world.run(first.close())
    const second = await world.open(of)
    await world.run(fill(second, of))
    await world.run(second.close())
    expect(world.dataPaths().sort()).toEqual([`${root}/a_b`, `${root}/a_b~2`])
    expect(await complete(world, of)).toBe(true)
  })

  it("may differ from ours for another by case alone, where the disk tells the two apart", async () => {
    const of = authored([
      ["data", "data", 1500],
      ["Data~2", "Data", 1500],
    ])
    const world = authorsWorld(of)
    expect(await complete(world, of)).toBe(true)
    await world.run(world.disk.remove(lies(of, 0)))
    const store = await world.open(of)
    await world.run(fill(store, of))
    await world.run(store.close())
    expect(world.dataPaths().sort()).toEqual([lies(of, 1), lies(of, 0)])
    const blind = {
      list: () => Promise.resolve(["Data"]),
      stat: (path: string) => world.disk.stat(path.replace(/data$/, "Data")),
    }
    const files = await world.run(placeFiles(blind, of.metainfo, root))
    expect(files.map((file) => file?.path)).toEqual([`${root}/data`, `${root}/Data~2`])
  })

  it("can't be that of an unfinished file of ours", async () => {
    const of = authored([
      ["x", "x", 1500],
      ["x~2.part", "x.part", 2500],
    ])
    const world = new World()
    const first = await world.open(of, { selected: new Set([0]) })
    await world.run(commit(first, of, 0))
    await world.run(first.close())
    const second = await world.open(of)
    expect([...second.have]).toEqual([0])
    await world.run(fill(second, of))
    await world.run(second.close())
    expect(await complete(world, of)).toBe(true)
  })

  it("may be longer than there is room for with more behind it", async () => {
    const long = `${"x".repeat(250)}.csv`
    const of = authored([[`${"x".repeat(246)}.csv`, long, 2500]])
    const world = authorsWorld(of)
    world.disk.flipByte(lies(of, 0), 1500)
    const store = await world.open(of)
    await world.run(fill(store, of))
    await world.run(store.close())
    expect(world.dataPaths()).toEqual([lies(of, 0)])
    expect(world.disk.operations.every(({ path }) => path.slice(path.lastIndexOf("/") + 1).length <= 255)).toBe(true)
  })
})

describe("a dataset that is there under the name that its author gave it", () => {
  const raw = { rawName: "data: all" }
  const named = sample({ name: "data_ all", pieceLength: 1000, files: [{ path: "a", length: 1500 }] })
  const of = { ...named, metainfo: { ...named.metainfo, ...raw } }

  it("is not fetched once more beside it: what can be done is said", async () => {
    const world = new World()
    const theirs = `${DATASTORE}/data: all/a`
    world.disk.putFile(theirs, of.data.slice())
    const refusal = { code: "AT_EXISTS", hint: expect.stringMatching(/rename it to data_ all, or .* `data`/) }
    await expect(world.open(of)).rejects.toMatchObject(refusal)
    await expect(complete(world, of)).rejects.toMatchObject(refusal)
    world.disk.putFile(named.pathOf(0), of.data.slice())
    expect(await complete(world, of)).toBe(true)
  })

  it("is not looked for under our own folder's name", async () => {
    const hostile = { ...of, metainfo: { ...of.metainfo, rawName: ".academictorrents" } }
    const world = new World()
    for (let run = 0; run < 2; run++) await world.run((await world.open(hostile)).close())
  })
})
