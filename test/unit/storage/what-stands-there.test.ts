import { describe, expect, it } from "vitest"
import { stateDirectory } from "../../../src/storage/state-directory.js"
import { commit, DATASTORE, fill, sample, someBytes, smallTree as tree, World, wrongClaims } from "./fixture.js"

const code = (value: string) => expect.objectContaining({ code: value })

/** The files of the tree. */
const [BIG, S1, S2, END] = [0, 1, 2, 3]
const single = sample({ name: "one", kind: "file", pieceLength: 1000, files: [{ path: "one", length: 2500 }] })

function put(world: World, of: typeof tree, ...indexes: number[]) {
  for (const index of indexes) world.disk.putFile(of.pathOf(index), of.fileData(index).slice())
}

async function append(world: World, path: string, bytes: Uint8Array): Promise<void> {
  const handle = await world.run(world.disk.open(path, "write"))
  await world.run(handle.write([bytes], (await world.run(handle.stat())).size))
  await world.run(handle.close())
}

describe("data without a journal", () => {
  it("is taken over when all of it verifies, and not written to", async () => {
    const world = new World()
    put(world, tree, BIG, S1, S2, END)
    const before = tree.layout.files.map((_, index) => world.disk.readFile(tree.pathOf(index)))
    const store = await world.open(tree)
    expect(store.have.complete).toBe(true)
    await world.run(store.close())
    expect(tree.layout.files.map((_, index) => world.disk.readFile(tree.pathOf(index)))).toEqual(before)
    const writes = world.disk.operations.filter(
      ({ kind }) => kind === "write" || kind === "truncate" || kind === "rename",
    )
    expect(writes.every(({ path }) => path.includes(".academictorrents"))).toBe(true)
    const again = await world.open(tree)
    expect(again.have.complete).toBe(true)
    await world.run(again.close())
  })

  it("is kept as far as it verifies, and repaired as an unfinished file", async () => {
    const world = new World()
    const partial = single.data.slice()
    partial.fill(0, 1000, 2000)
    world.disk.putFile(`${DATASTORE}/one`, partial)
    const store = await world.open(single)
    expect([...store.have]).toEqual([0, 2])
    await world.run(fill(store, single))
    expect(world.dataPaths()).toEqual([`${DATASTORE}/one`])
    expect(world.disk.readFile(`${DATASTORE}/one`)).toEqual(single.data)
    await world.run(store.close())
  })

  it.each(["of a later version", "damaged"])("is kept where the journal is %s, which is told", async (how) => {
    const world = new World()
    const first = await world.open(tree, { selected: new Set([S1, END]) })
    await world.run(fill(first, tree))
    await world.run(first.close())
    const path = `${DATASTORE}/.academictorrents/${Buffer.from(tree.metainfo.infoHash).toString("hex")}/journal`
    const journal = world.disk.readFile(path)!
    journal[how === "damaged" ? 9 : 3]!++
    world.disk.putFile(path, journal)
    const second = await world.open(tree)
    expect(world.log.lines.map(({ message }) => message)).toEqual([expect.stringMatching(/journal.*hashed/)])
    expect([...second.have]).toEqual([4, 5])
    await world.run(fill(second, tree))
    await world.run(second.close())
    for (const index of [BIG, S1, S2, END])
      expect(world.disk.readFile(tree.pathOf(index))).toEqual(tree.fileData(index))
    const third = await world.open(tree)
    expect(third.have.complete).toBe(true)
    expect(world.log.lines.length).toBe(1)
    await world.run(third.close())
  })

  it("keeps its name where we may not write to it", async () => {
    const world = new World()
    const partial = single.data.slice()
    partial.fill(0, 1000, 2000)
    world.disk.putFile(`${DATASTORE}/one`, partial)
    const store = await world.open(single)
    world.disk.failAt(
      ({ kind, mode, path }) => kind === "open" && mode === "write" && path.includes("/one"),
      "permission",
    )
    expect(await world.run(commit(store, single, 1))).toMatchObject({ kind: "failed", error: { code: "AT_DISK_IO" } })
    expect(world.dataPaths()).toEqual([`${DATASTORE}/one`])
    await world.run(fill(store, single))
    expect(world.disk.readFile(`${DATASTORE}/one`)).toEqual(single.data)
    await world.run(store.close())
  })

  it("is found under its unfinished name too", async () => {
    const world = new World()
    world.disk.putFile(`${DATASTORE}/one.part`, single.data.slice(0, 2000))
    const store = await world.open(single)
    expect([...store.have]).toEqual([0, 1])
    await world.run(fill(store, single))
    expect(world.dataPaths()).toEqual([`${DATASTORE}/one`])
    await world.run(store.close())
  })

  it("is used for the borders of the wanted files when its unwanted neighbours are there", async () => {
    const world = new World()
    put(world, tree, BIG, S1, S2, END)
    const store = await world.open(tree, { selected: new Set([S1]) })
    expect([...store.wanted]).toEqual([3])
    expect(store.have.has(3)).toBe(true)
    await world.run(store.close())
  })
})

describe("data that is only to be given", () => {
  const logs = sample({
    pieceLength: 1000,
    files: [
      { path: "log", length: 2500 },
      { path: "empty", length: 0 },
      { path: "absent-empty", length: 0 },
    ],
  })
  const grown = () => {
    const world = new World()
    const longer = new Uint8Array(2600).fill(7)
    longer.set(logs.fileData(0))
    world.disk.putFile(logs.pathOf(0), longer)
    return { world, longer }
  }

  it("is not cut where it went on growing, nor is anything made", async () => {
    const { world, longer } = grown()
    const store = await world.open(logs, { toFetch: false })
    expect(store.have.complete).toBe(true)
    expect(store.fileComplete(0)).toBe(false)
    await world.run(store.close())
    expect(world.disk.readFile(logs.pathOf(0))).toEqual(longer)
    expect(world.dataPaths()).toEqual([logs.pathOf(0)])
    await expect(world.open(logs)).rejects.toEqual(code("AT_EXISTS"))
    expect(world.disk.readFile(logs.pathOf(0))).toEqual(longer)
    const again = await world.open(logs, { overwrite: true })
    expect(world.disk.readFile(logs.pathOf(0))).toEqual(logs.fileData(0))
    expect([0, 1, 2].every((index) => again.fileComplete(index))).toBe(true)
    await world.run(again.close())
  })

  it("is put right once it is to be had, too, where that was asked for", async () => {
    const world = new World()
    put(world, logs, 0, 1)
    const store = await world.open(logs)
    await world.run(store.close())
    await append(world, logs.pathOf(0), new Uint8Array(5))
    await append(world, logs.pathOf(1), new Uint8Array(5))
    const careful = await world.open(logs, { toFetch: false })
    await expect(world.run(careful.select(new Set([0, 2])))).rejects.toEqual(code("AT_EXISTS"))
    await expect(world.run(careful.select(new Set([1, 2])))).rejects.toEqual(code("AT_EXISTS"))
    await world.run(careful.close())
    const giving = await world.open(logs, { toFetch: false, overwrite: true })
    expect([0, 1].map((index) => world.disk.readFile(logs.pathOf(index))?.length)).toEqual([2505, 5])
    await world.run(giving.select(new Set([0, 1, 2])))
    expect([0, 1, 2].every((index) => giving.fileComplete(index))).toBe(true)
    expect([0, 1].map((index) => world.disk.readFile(logs.pathOf(index))?.length)).toEqual([2500, 0])
    expect(await world.run(wrongClaims(giving, logs))).toEqual([])
    await world.run(giving.close())
  })
})

describe("what we did not write", () => {
  it("is never overwritten: a file of which no piece is the dataset's", async () => {
    const world = new World()
    const foreign = someBytes(2500, "foreign")
    world.disk.putFile(`${DATASTORE}/one`, foreign)
    await expect(world.open(single)).rejects.toEqual(code("AT_EXISTS"))
    expect(world.disk.readFile(`${DATASTORE}/one`)).toEqual(foreign)
    expect(world.dataPaths()).toEqual([`${DATASTORE}/one`])
  })

  it("is replaced on demand, and only by verified data", async () => {
    const world = new World()
    const foreign = someBytes(4000, "foreign")
    world.disk.putFile(`${DATASTORE}/one`, foreign)
    const store = await world.open(single, { overwrite: true })
    await world.run(fill(store, single, { pieces: [0, 1] }))
    expect(world.disk.readFile(`${DATASTORE}/one`)).toEqual(foreign)
    await world.run(fill(store, single))
    expect(world.disk.readFile(`${DATASTORE}/one`)).toEqual(single.data)
    expect(world.dataPaths()).toEqual([`${DATASTORE}/one`])
    await world.run(store.close())
  })

  it("is not taken for ours because another run of ours was stopped before the file came there", async () => {
    const world = new World()
    const first = await world.open(tree)
    await world.run(fill(first, tree, { pieces: [0] }))
    await world.run(first.close())
    const foreign = someBytes(2000, "foreign")
    world.disk.putFile(tree.pathOf(END), foreign)
    await expect(world.open(tree)).rejects.toEqual(code("AT_EXISTS"))
    expect(world.disk.readFile(tree.pathOf(END))).toEqual(foreign)
  })

  it.each(["a kill", "a power cut"])(
    "is not taken for ours when it took a whole file's place after %s",
    async (end) => {
      const world = new World()
      const first = await world.open(single)
      await world.run(fill(first, single))
      await world.run(first.flush())
      const next = end === "a kill" ? world.killed() : world.powerCut(1)
      const foreign = someBytes(2500, "foreign")
      next.disk.putFile(`${DATASTORE}/one`, foreign)
      await expect(next.open(single)).rejects.toEqual(code("AT_EXISTS"))
      expect(next.disk.readFile(`${DATASTORE}/one`)).toEqual(foreign)
    },
  )

  it("is not overwritten either when it comes there while we download", async () => {
    const world = new World()
    const store = await world.open(single)
    await world.run(fill(store, single, { pieces: [0, 1] }))
    world.disk.putFile(`${DATASTORE}/one`, someBytes(10))
    expect(await world.run(commit(store, single, 2))).toEqual({ kind: "failed", error: code("AT_EXISTS") })
    expect(world.disk.readFile(`${DATASTORE}/one`)).toEqual(someBytes(10))
    await world.run(store.close())
  })

  it("is named at once, and replaced on demand, where it came after a run was stopped that had begun the file", async () => {
    const world = new World()
    const first = await world.open(single)
    await world.run(fill(first, single, { pieces: [0, 1] }))
    await world.run(first.close())
    const foreign = someBytes(2500, "foreign")
    world.disk.putFile(`${DATASTORE}/one`, foreign)
    await expect(world.open(single)).rejects.toEqual(code("AT_EXISTS"))
    expect(world.disk.readFile(`${DATASTORE}/one`)).toEqual(foreign)
    const store = await world.open(single, { overwrite: true })
    expect([...store.have]).toEqual([0, 1])
    await world.run(fill(store, single))
    expect(world.disk.readFile(`${DATASTORE}/one`)).toEqual(single.data)
    expect(world.dataPaths()).toEqual([`${DATASTORE}/one`])
    await world.run(store.close())
  })

  it("may be of another kind: folder for file, file for folder", async () => {
    const world = new World()
    world.disk.putFile(`${DATASTORE}/one/inside`, someBytes(10))
    world.disk.putFile(`${DATASTORE}/dataset`, someBytes(10))
    for (const overwrite of [false, true]) {
      await expect(world.open(single, { overwrite })).rejects.toEqual(code("AT_EXISTS"))
      await expect(world.open(tree, { overwrite })).rejects.toEqual(code("AT_EXISTS"))
    }
  })

  it("is neither cut off nor written over under our unfinished name, where the dataset was there once", async () => {
    const world = new World()
    const first = await world.open(single)
    await world.run(fill(first, single))
    await world.run(first.close())
    await world.run(world.disk.remove(`${DATASTORE}/one`))
    const foreign = someBytes(5000, "foreign")
    world.disk.putFile(`${DATASTORE}/one.part`, foreign)
    await expect(world.open(single)).rejects.toEqual(code("AT_EXISTS"))
    expect(world.disk.readFile(`${DATASTORE}/one.part`)).toEqual(foreign)
    const store = await world.open(single, { overwrite: true })
    await world.run(fill(store, single))
    expect(world.disk.readFile(`${DATASTORE}/one`)).toEqual(single.data)
    await world.run(store.close())
  })

  it("is not written over under our unfinished name either, where it took that of a file that we had begun", async () => {
    const world = new World()
    const first = await world.open(single)
    await world.run(fill(first, single, { pieces: [0] }))
    await world.run(first.close())
    const foreign = someBytes(2500, "foreign")
    world.disk.putFile(`${DATASTORE}/one.part`, foreign)
    await expect(world.open(single)).rejects.toEqual(code("AT_EXISTS"))
    expect(world.disk.readFile(`${DATASTORE}/one.part`)).toEqual(foreign)
  })

  it("is found again under our unfinished name in a copy of the datastore, as far as it verifies", async () => {
    const world = new World()
    const first = await world.open(single)
    await world.run(fill(first, single, { pieces: [1] }))
    await world.run(first.close())
    world.disk.putFile(`${DATASTORE}/one.part`, world.disk.readFile(`${DATASTORE}/one.part`)!)
    const store = await world.open(single)
    expect([...store.have]).toEqual([1])
    await world.run(fill(store, single))
    expect(world.disk.readFile(`${DATASTORE}/one`)).toEqual(single.data)
    await world.run(store.close())
  })

  it.each(["one", "one.part"])(
    "is not taken for ours where the number of ours was given to it again: %s",
    async (name) => {
      const world = new World()
      const path = `${DATASTORE}/${name}`
      const first = await world.open(single)
      await world.run(fill(first, single, name === "one" ? {} : { pieces: [0] }))
      await world.run(first.close())
      const { inode } = (await world.run(world.disk.stat(path)))!
      await world.run(world.disk.remove(path))
      const notes = someBytes(20, "my notes")
      world.disk.putFile(path, notes, inode)
      await expect(world.open(single)).rejects.toEqual(code("AT_EXISTS"))
      expect(world.disk.readFile(path)).toEqual(notes)
    },
  )

  it("is repaired where it is still the file that we made, though no piece of it is right any more", async () => {
    const world = new World()
    const first = await world.open(single)
    await world.run(fill(first, single))
    await world.run(first.close())
    const handle = await world.run(world.disk.open(`${DATASTORE}/one`, "write"))
    await world.run(handle.write([someBytes(2500, "damage")], 0))
    await world.run(handle.close())
    const store = await world.open(single)
    await world.run(fill(store, single))
    expect(world.disk.readFile(`${DATASTORE}/one`)).toEqual(single.data)
    await world.run(store.close())
  })

  it("may be replaced without asking when it is empty", async () => {
    const world = new World()
    world.disk.putFile(`${DATASTORE}/one`, new Uint8Array(0))
    const store = await world.open(single)
    await world.run(fill(store, single))
    expect(world.disk.readFile(`${DATASTORE}/one`)).toEqual(single.data)
    await world.run(store.close())
  })

  it("may not be replaced any more when somebody wrote to what was empty at first", async () => {
    const world = new World()
    world.disk.putFile(`${DATASTORE}/one`, new Uint8Array(0))
    const store = await world.open(single)
    await world.run(fill(store, single, { pieces: [0, 1] }))
    world.disk.putFile(`${DATASTORE}/one`, someBytes(10))
    expect(await world.run(commit(store, single, 2))).toEqual({ kind: "failed", error: code("AT_EXISTS") })
    expect(world.disk.readFile(`${DATASTORE}/one`)).toEqual(someBytes(10))
    await world.run(store.close())
  })

  it("may be empty, too, beside the file that a stopped run had begun in its place", async () => {
    const world = new World()
    world.disk.putFile(`${DATASTORE}/one`, new Uint8Array(0))
    const first = await world.open(single)
    await world.run(fill(first, single, { pieces: [0, 1] }))
    await world.run(first.close())
    const store = await world.open(single)
    expect([...store.have]).toEqual([0, 1])
    await world.run(fill(store, single))
    expect(world.disk.readFile(`${DATASTORE}/one`)).toEqual(single.data)
    await world.run(store.close())
  })

  it("is not written to through symbolic links", async () => {
    const world = new World()
    world.disk.putFile("/elsewhere/secret", someBytes(10))
    const deep = sample({ pieceLength: 1000, files: [{ path: "sub/deep/f", length: 1500 }] })
    world.disk.putLink(`${DATASTORE}/dataset/sub`, "/elsewhere")
    await expect(world.open(deep)).rejects.toEqual(code("AT_UNSAFE_PATH"))
    world.disk.putLink(`${DATASTORE}/one`, "/elsewhere/secret")
    await expect(world.open(single)).rejects.toEqual(code("AT_UNSAFE_PATH"))
    expect(world.disk.readFile("/elsewhere/secret")).toEqual(someBytes(10))
    expect(world.disk.filePaths().filter((path) => path.startsWith("/elsewhere"))).toEqual(["/elsewhere/secret"])
  })

  it("may lie in a datastore that is a link itself", async () => {
    const world = new World()
    world.disk.putDirectory("/real")
    world.disk.putLink(DATASTORE, "/real")
    const store = await world.open(single)
    await world.run(fill(store, single))
    await world.run(store.close())
    expect(world.disk.readFile("/real/one")).toEqual(single.data)
  })

  it("is not taken for ours under our unfinished name, after a run that refused and moved other bytes", async () => {
    const files = [10, 20, 10].map((length, i) => ({ path: `file ${i}`, length }))
    const three = sample({ pieceLength: 100, files })
    const world = new World()
    const store = await world.open(three, { selected: new Set([1]) })
    await world.run(fill(store, three))
    await world.run(store.close())
    const second = three.pathOf(1)
    world.disk.putFile(second, someBytes(10, "foreign"))
    await expect(world.open(three)).rejects.toEqual(code("AT_EXISTS"))
    await world.run(world.disk.rename(second, `${second}.part`))
    await expect(world.open(three)).rejects.toEqual(code("AT_EXISTS"))
    const again = await world.open(three, { overwrite: true })
    expect([...again.have]).toEqual([])
    expect(world.dataPaths()).not.toContain(second)
    await world.run(fill(again, three))
    expect(world.disk.readFile(second)).toEqual(three.fileData(1))
    await world.run(again.close())
  })

  it("is left alone by the next run, too, after one that moved bytes to their places before it refused", async () => {
    const two = sample({
      pieceLength: 1000,
      files: [
        { path: "first", length: 400 },
        { path: "second", length: 100 },
      ],
    })
    const world = new World()
    const first = await world.open(two, { selected: new Set([0]) })
    await world.run(fill(first, two))
    await world.run(first.close())
    const next = world.killed()
    const theirs = someBytes(30, "theirs")
    next.disk.putFile(two.pathOf(0), theirs)
    await expect(next.open(two)).rejects.toMatchObject({ code: "AT_EXISTS" })
    await expect(next.killed().open(two)).rejects.toMatchObject({ code: "AT_EXISTS" })
    expect(next.disk.readFile(two.pathOf(0))).toEqual(theirs)
  })
})

describe("another dataset of the same name", () => {
  /** The first two pieces are the same. */
  const other = sample({ name: "one", kind: "file", pieceLength: 1000, files: [{ path: "one", length: 2400 }] })
  const part = `${DATASTORE}/one.part`

  /** Of both there was something, and it is gone. */
  async function knowsBoth(): Promise<World> {
    const world = new World()
    for (const of of [single, other]) {
      const store = await world.open(of)
      await world.run(fill(store, of))
      await world.run(store.close())
      await world.run(world.disk.remove(of.pathOf(0)))
    }
    return world
  }

  it("keeps the place while something of it is there", async () => {
    const world = new World()
    const store = await world.open(single)
    await world.run(fill(store, single, { pieces: [1] }))
    await world.run(store.close())
    await expect(world.open(other)).rejects.toEqual(code("AT_EXISTS"))
    await world.run(world.disk.remove(part))
    await world.run((await world.open(other)).close())
  })

  it("keeps it, too, before one that was there earlier", async () => {
    const world = await knowsBoth()
    const store = await world.open(single)
    await world.run(fill(store, single, { pieces: [1] }))
    await world.run(store.close())
    const before = world.disk.readFile(part)
    for (const overwrite of [false, true]) {
      await expect(world.open(other, { overwrite })).rejects.toEqual(code("AT_EXISTS"))
    }
    expect(world.disk.readFile(part)).toEqual(before)
    const again = await world.open(single)
    expect([...again.have]).toEqual([1])
    await world.run(again.close())
  })

  it("keeps it when it is complete, too: not a byte becomes that of another version", async () => {
    const world = await knowsBoth()
    for (const [first, second] of [
      [single, other],
      [other, single],
    ] as const) {
      const store = await world.open(first)
      await world.run(fill(store, first))
      await world.run(store.close())
      await expect(world.open(second)).rejects.toEqual(code("AT_EXISTS"))
      expect(world.disk.readFile(first.pathOf(0))).toEqual(first.data)
      await world.run(world.disk.remove(first.pathOf(0)))
    }
  })

  it.each(["is known", "is new"])("keeps it while somebody is at work on it, though the other %s", async (what) => {
    const world = what === "is new" ? new World() : await knowsBoth()
    const store = await world.open(single)
    await expect(world.open(other)).rejects.toEqual(code("AT_EXISTS"))
    await world.run(fill(store, single))
    expect(world.disk.readFile(single.pathOf(0))).toEqual(single.data)
    await world.run(store.close())
  })

  it("gets it alone, where both are begun at the same moment", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const world = new World({ seed })
      const outcomes = await world.run(
        Promise.allSettled([single, other].map(async (of) => ({ of, store: await world.opening(of) }))),
      )
      const opened = outcomes.filter((outcome) => outcome.status === "fulfilled").map(({ value }) => value)
      expect(opened.length).toBe(1)
      const { of, store } = opened[0]!
      await world.run(fill(store, of))
      expect(world.disk.readFile(of.pathOf(0))).toEqual(of.data)
      await world.run(store.close())
    }
  })

  it("keeps it after a power cut, whenever that comes", async () => {
    for (let events = 0; events < 60; events++) {
      const world = await knowsBoth()
      const end = world.clock.eventCount + events
      void world.opening(single).then((store) => fill(store, single, { pieces: [1] }))
      await world.clock.runUntil(() => world.clock.eventCount >= end).catch(() => {})
      const next = world.powerCut(0.5)
      world.process.stop()
      const begun = next.disk.readFile(part)
      const store = await next.open(other).catch((error: unknown) => void expect(error).toEqual(code("AT_EXISTS")))
      expect(next.disk.readFile(part)).toEqual(begun)
      await next.run(Promise.resolve(store?.close()))
    }
  })

  it("gives it up where its state was removed", async () => {
    const world = new World()
    const store = await world.open(other)
    await world.run(store.close())
    world.disk.putFile(single.pathOf(0), single.data.slice())
    await expect(world.open(single)).rejects.toEqual(code("AT_EXISTS"))
    await world.run(world.disk.remove(`${stateDirectory(DATASTORE, other.metainfo.infoHash)}/journal`))
    const taken = await world.open(single)
    expect(taken.have.complete).toBe(true)
    await world.run(taken.close())
  })
})

describe("what somebody wrote behind the data of a file", () => {
  const tail = someBytes(77, "tail")
  const withTail = (data: Uint8Array): Uint8Array => Uint8Array.from([...data, ...tail])
  const end = tree.pathOf(END)

  it("is not cut off, and the file is named", async () => {
    const world = new World()
    put(world, tree, BIG, S1, S2)
    world.disk.putFile(end, withTail(tree.fileData(END)))
    await expect(world.open(tree)).rejects.toMatchObject({
      code: "AT_EXISTS",
      message: `${end} has 77 bytes more than the dataset has of it`,
      hint: expect.stringContaining("`overwrite`") as unknown,
    })
    expect(world.disk.readFile(end)).toEqual(withTail(tree.fileData(END)))
    const others = await world.open(tree, { selected: new Set([BIG, S1, S2]) })
    expect(others.have.has(0)).toBe(true)
    await world.run(others.close())
  })

  it("is not cut off either when the file is still to be repaired, or was the dataset's before", async () => {
    const world = new World()
    put(world, tree, BIG, S1, S2, END)
    const store = await world.open(tree)
    await world.run(store.close())
    await append(world, end, tail)
    const damaged = withTail(tree.fileData(BIG))
    damaged.fill(0, 1000, 2000)
    world.disk.putFile(tree.pathOf(BIG), damaged)
    for (const file of [BIG, END]) {
      for (const verify of ["auto", "always"] as const) {
        await expect(world.open(tree, { selected: new Set([file]), verify })).rejects.toEqual(code("AT_EXISTS"))
      }
    }
    expect(world.disk.readFile(tree.pathOf(BIG))).toEqual(damaged)
    expect(world.disk.readFile(end)).toEqual(withTail(tree.fileData(END)))
  })

  it("is not cut off after it came there while the dataset was given", async () => {
    const world = new World()
    const damaged = tree.fileData(BIG).slice()
    damaged.fill(0, 1000, 2000)
    world.disk.putFile(tree.pathOf(BIG), damaged)
    put(world, tree, S1, S2, END)
    const store = await world.open(tree)
    await append(world, tree.pathOf(BIG), tail)
    expect(await world.run(commit(store, tree, 1))).toEqual({ kind: "failed", error: code("AT_EXISTS") })
    expect(world.disk.readFile(tree.pathOf(BIG))).toEqual(withTail(damaged))
    await world.run(store.close())
  })

  it("is not cut off either where other files alone are wanted", async () => {
    const world = new World()
    const first = await world.open(tree)
    await world.run(fill(first, tree))
    await world.run(first.close())
    await append(world, end, tail)
    const second = await world.open(tree, { selected: new Set([S1]) })
    expect(second.have.has(5)).toBe(true)
    await world.run(second.close())
    expect(world.disk.readFile(end)).toEqual(withTail(tree.fileData(END)))
  })

  it("is not cut off where the file has an unfinished one's name, but we did not make it", async () => {
    const world = new World()
    world.disk.putFile(`${end}.part`, withTail(tree.fileData(END)))
    await expect(world.open(tree)).rejects.toMatchObject({
      message: expect.stringContaining(`${end}.part `) as unknown,
    })
    expect(world.disk.readFile(`${end}.part`)).toEqual(withTail(tree.fileData(END)))
  })

  it("is not cut off when it came to a small file before its neighbours arrived", async () => {
    const world = new World()
    put(world, tree, S1)
    const store = await world.open(tree)
    await append(world, tree.pathOf(S1), tail)
    expect(await world.run(commit(store, tree, 3))).toEqual({ kind: "failed", error: code("AT_EXISTS") })
    expect(world.disk.readFile(tree.pathOf(S1))).toEqual(withTail(tree.fileData(S1)))
    await world.run(store.close())
  })

  it("is cut off on demand, once all before it is right", async () => {
    const world = new World()
    put(world, tree, S1, S2)
    const damaged = withTail(tree.fileData(BIG))
    damaged.fill(0, 1000, 2000)
    world.disk.putFile(tree.pathOf(BIG), damaged)
    world.disk.putFile(end, withTail(tree.fileData(END)))
    const store = await world.open(tree, { overwrite: true })
    expect(world.disk.readFile(end)).toEqual(tree.fileData(END))
    expect(world.disk.readFile(tree.pathOf(BIG))).toEqual(damaged)
    await world.run(fill(store, tree))
    expect(world.disk.readFile(tree.pathOf(BIG))).toEqual(tree.fileData(BIG))
    expect(await world.run(wrongClaims(store, tree))).toEqual([])
    await world.run(store.close())
  })

  it("is cut off on demand, too, where a run was killed before it said that the file's last piece was written", async () => {
    const one = sample({ name: "one", kind: "file", pieceLength: 1000, files: [{ path: "one", length: 700 }] })
    const world = new World()
    await world.run(commit(await world.open(one), one, 0))
    const next = world.killed()
    await append(next, one.pathOf(0), tail)
    await expect(next.open(one)).rejects.toEqual(code("AT_EXISTS"))
    expect(next.disk.readFile(one.pathOf(0))).toEqual(withTail(one.data))
    const store = await next.open(one, { overwrite: true })
    expect(store.have.complete).toBe(true)
    expect(next.disk.readFile(one.pathOf(0))).toEqual(one.data)
    await next.run(store.close())
  })

  it("is cut off where we are still writing, under the unfinished name", async () => {
    const world = new World()
    const store = await world.open(single)
    await world.run(fill(store, single, { pieces: [0, 1] }))
    await world.run(store.close())
    await append(world, `${DATASTORE}/one.part`, new Uint8Array(1000))
    const again = await world.open(single)
    await world.run(fill(again, single))
    expect(world.disk.readFile(`${DATASTORE}/one`)).toEqual(single.data)
    await world.run(again.close())
  })
})

describe("a small file that only its neighbours can tell", () => {
  it("is taken over when the piece arrives and it is the right one", async () => {
    const world = new World()
    put(world, tree, S1)
    const store = await world.open(tree)
    await world.run(fill(store, tree))
    for (const index of [BIG, S1, S2, END])
      expect(world.disk.readFile(tree.pathOf(index))).toEqual(tree.fileData(index))
    const touched = world.disk.operations.filter(({ path, kind }) => path === tree.pathOf(S1) && kind === "write")
    expect(touched).toEqual([])
    expect(await world.run(wrongClaims(store, tree))).toEqual([])
    await world.run(store.close())
  })

  it("is left alone when the piece arrives and it is another one", async () => {
    const world = new World()
    const foreign = someBytes(100, "foreign")
    world.disk.putFile(tree.pathOf(S1), foreign)
    const store = await world.open(tree)
    await world.run(fill(store, tree, { pieces: [0, 1, 2] }))
    expect(await world.run(commit(store, tree, 3))).toEqual({ kind: "failed", error: code("AT_EXISTS") })
    expect(world.disk.readFile(tree.pathOf(S1))).toEqual(foreign)
    expect(store.have.has(3)).toBe(false)
    await world.run(store.close())
  })

  it.each(["closed", "killed"] as const)("is left alone, too, by a run after one that was %s", async (end) => {
    const world = new World()
    const foreign = someBytes(100, "foreign")
    world.disk.putFile(tree.pathOf(S1), foreign)
    const first = await world.open(tree)
    if (end === "closed") await world.run(first.close())
    const next = world.killed()
    const store = await next.open(tree)
    expect(await next.run(commit(store, tree, 3))).toEqual({ kind: "failed", error: code("AT_EXISTS") })
    expect(next.disk.readFile(tree.pathOf(S1))).toEqual(foreign)
    await next.run(store.close())
  })

  it("is left alone, too, after a power cut, where it came to a place that had been free", async () => {
    const world = new World()
    await world.run((await world.open(tree)).close())
    const foreign = someBytes(100, "foreign")
    world.disk.putFile(tree.pathOf(S1), foreign)
    const store = await world.open(tree)
    await world.run(fill(store, tree, { pieces: [0] }))
    const next = world.powerCut(1)
    const again = await next.open(tree)
    expect(await next.run(commit(again, tree, 3))).toEqual({ kind: "failed", error: code("AT_EXISTS") })
    expect(next.disk.readFile(tree.pathOf(S1))).toEqual(foreign)
    await next.run(again.close())
  })

  it("is left alone, too, where ours stood before, by the second run that finds it", async () => {
    const world = new World()
    const first = await world.open(tree)
    await world.run(fill(first, tree))
    await world.run(first.close())
    const foreign = someBytes(100, "foreign")
    world.disk.putFile(tree.pathOf(S1), foreign)
    const second = await world.open(tree)
    await world.run(second.close())
    const third = await world.open(tree)
    expect(await world.run(commit(third, tree, 3))).toEqual({ kind: "failed", error: code("AT_EXISTS") })
    expect(world.disk.readFile(tree.pathOf(S1))).toEqual(foreign)
    await world.run(third.close())
  })

  it("is replaced on demand when the piece arrives", async () => {
    const world = new World()
    const foreign = someBytes(100, "foreign")
    world.disk.putFile(tree.pathOf(S1), foreign)
    const store = await world.open(tree, { overwrite: true })
    await world.run(fill(store, tree, { pieces: [0, 1, 2] }))
    expect(world.disk.readFile(tree.pathOf(S1))).toEqual(foreign)
    await world.run(fill(store, tree))
    expect(world.disk.readFile(tree.pathOf(S1))).toEqual(tree.fileData(S1))
    expect(await world.run(wrongClaims(store, tree))).toEqual([])
    await world.run(store.close())
  })

  it("is in the way at once when its length is wrong", async () => {
    const world = new World()
    world.disk.putFile(tree.pathOf(S1), someBytes(99, "foreign"))
    await expect(world.open(tree)).rejects.toEqual(code("AT_EXISTS"))
  })
})

describe("files that nobody wants", () => {
  it("are not made, though pieces of wanted files hold bytes of theirs", async () => {
    const world = new World()
    const store = await world.open(tree, { selected: new Set([S2]) })
    expect([...store.wanted]).toEqual([3])
    await world.run(fill(store, tree))
    expect(world.dataPaths()).toEqual([tree.pathOf(S2)])
    expect(world.disk.readFile(tree.pathOf(S2))).toEqual(tree.fileData(S2))
    expect(await world.run(wrongClaims(store, tree))).toEqual([])
    await world.run(store.close())
    const next = world.killed()
    const again = await next.open(tree, { selected: new Set([S2]) })
    expect([...again.have]).toEqual([3])
    expect(await next.run(wrongClaims(again, tree))).toEqual([])
    await next.run(again.close())
  })

  it("get what is there of them when a later run wants them", async () => {
    const world = new World()
    const first = await world.open(tree, { selected: new Set([S2]) })
    await world.run(fill(first, tree))
    await world.run(first.close())
    const second = await world.open(tree)
    expect([...second.have]).toEqual([3])
    expect(second.fileComplete(S1)).toBe(true)
    await world.run(fill(second, tree))
    for (const index of [BIG, S1, S2, END])
      expect(world.disk.readFile(tree.pathOf(index))).toEqual(tree.fileData(index))
    expect(world.disk.filePaths().some((path) => path.includes("/edges/"))).toBe(false)
    await world.run(second.close())
  })

  it("get what is there of them when they are selected while the store is open", async () => {
    const world = new World()
    const store = await world.open(tree, { selected: new Set([S2]) })
    await world.run(fill(store, tree))
    await world.run(store.select(new Set([S1, S2, END])))
    expect([...store.wanted]).toEqual([3, 4, 5])
    expect([...store.have]).toEqual([3])
    expect(store.fileComplete(S1)).toBe(true)
    await world.run(fill(store, tree))
    expect(store.fileComplete(END)).toBe(true)
    expect(world.dataPaths()).not.toContain(tree.pathOf(BIG))
    expect(await world.run(wrongClaims(store, tree))).toEqual([])
    await world.run(store.close())
    const again = await world.open(tree)
    expect([...again.have]).toEqual([3, 4, 5])
    await world.run(fill(again, tree))
    expect(world.disk.readFile(tree.pathOf(BIG))).toEqual(tree.fileData(BIG))
    await world.run(again.close())
  })

  it("are not written over where somebody put another file in the place of one", async () => {
    const world = new World()
    const first = await world.open(tree)
    await world.run(fill(first, tree))
    await world.run(first.close())
    const foreign = someBytes(100, "foreign")
    world.disk.putFile(tree.pathOf(S1), foreign)
    const second = await world.open(tree, { selected: new Set([S2]) })
    expect(second.have.has(3)).toBe(false)
    await world.run(fill(second, tree))
    expect(await world.run(wrongClaims(second, tree))).toEqual([])
    await world.run(second.close())
    expect(world.disk.readFile(tree.pathOf(S1))).toEqual(foreign)
    expect(world.disk.readFile(tree.pathOf(S2))).toEqual(tree.fileData(S2))
    const third = await world.open(tree, { overwrite: true })
    await world.run(fill(third, tree))
    expect(world.disk.readFile(tree.pathOf(S1))).toEqual(tree.fileData(S1))
    await world.run(third.close())
  })

  it("are missed when they are gone, though the state folder has their neighbours' bytes", async () => {
    const world = new World()
    const first = await world.open(tree, { selected: new Set([S2]) })
    await world.run(fill(first, tree))
    await world.run(first.close())
    await world.run(world.disk.remove(tree.pathOf(S2)))
    const second = await world.open(tree, { selected: new Set([S1]) })
    expect(await world.run(wrongClaims(second, tree))).toEqual([])
    await world.run(fill(second, tree))
    expect([...second.have]).toEqual([3])
    expect(await world.run(wrongClaims(second, tree))).toEqual([])
    await world.run(second.close())
  })

  it("keep what they had when they are wanted no more", async () => {
    const world = new World()
    const first = await world.open(tree)
    await world.run(fill(first, tree, { pieces: [0, 3] }))
    await world.run(first.close())
    const second = await world.open(tree, { selected: new Set([END]) })
    expect([...second.have]).toEqual([0, 3])
    expect(await world.run(wrongClaims(second, tree))).toEqual([])
    await world.run(fill(second, tree))
    await world.run(second.close())
    const third = await world.open(tree)
    expect([...third.have]).toEqual([0, 3, 4, 5])
    await world.run(third.close())
  })
})

describe("room on the disk", () => {
  it("is asked for before the start, for what is missing", async () => {
    const world = new World()
    const whole = sample({ name: "big", kind: "file", pieceLength: 8192, files: [{ path: "big", length: 10 * 8192 }] })
    world.disk.putFile(`${DATASTORE}/big`, whole.data.slice(0, 2 * 8192))
    world.disk.setFreeBytes(4 * 8192)
    await expect(world.open(whole)).rejects.toMatchObject({
      code: "AT_DISK_FULL",
      // What says whose the name is takes some of it.
      message: `${DATASTORE} has 28.0 KiB free, but 64.0 KiB are needed`,
    })
    const unchecked = await world.open(whole, { toFetch: false })
    await world.run(unchecked.close())
    world.disk.setFreeBytes(100_000)
    const store = await world.open(whole)
    await world.run(fill(store, whole))
    await world.run(store.close())
  })

  it("is not asked for where a file has it: what is wrong is written over, and others set room aside", async () => {
    const whole = sample({ name: "big", kind: "file", pieceLength: 8192, files: [{ path: "big", length: 10 * 8192 }] })
    const world = new World()
    // The first pieces are right, the others zeros that take room.
    const setAside = new Uint8Array(whole.data.length)
    setAside.set(whole.data.subarray(0, 3 * 8192))
    world.disk.putFile(`${DATASTORE}/big`, setAside)
    world.disk.setFreeBytes(40_000)
    const store = await world.open(whole)
    await world.run(fill(store, whole))
    expect(Buffer.compare(world.disk.readFile(`${DATASTORE}/big`)!, whole.data)).toBe(0)
    await world.run(store.close())
  })

  it("is asked for where a file has holes", async () => {
    const whole = sample({ name: "big", kind: "file", pieceLength: 8192, files: [{ path: "big", length: 10 * 8192 }] })
    const world = new World()
    const first = await world.open(whole)
    await world.run(fill(first, whole, { pieces: [0, 9] }))
    await world.run(first.close())
    world.disk.setFreeBytes(8 * 8192 - 1)
    await expect(world.open(whole)).rejects.toEqual(code("AT_DISK_FULL"))
    world.disk.setFreeBytes(20 * 8192)
    const store = await world.open(whole)
    await world.run(store.close())
  })

  it("may run out: the piece is missing then, and can come again", async () => {
    const big = sample({ name: "big", kind: "file", pieceLength: 8192, files: [{ path: "big", length: 10 * 8192 }] })
    const world = new World()
    const store = await world.open(big)
    world.disk.setFreeBytes(3 * 8192)
    const outcomes: string[] = []
    for (let piece = 0; piece < 10; piece++) outcomes.push((await world.run(commit(store, big, piece))).kind)
    expect(outcomes).toContain("failed")
    expect(outcomes.filter((kind) => kind === "stored").length).toBe(store.have.count)
    const left = await world.left().open(big, { toFetch: false })
    expect([...left.have]).toEqual([...store.have])
    world.disk.setFreeBytes(1_000_000)
    await world.run(fill(store, big))
    expect(Buffer.compare(world.disk.readFile(`${DATASTORE}/big`)!, big.data)).toBe(0)
    await world.run(store.close())
  })

  it("is of no use where we may not write", async () => {
    const world = new World()
    world.disk.putDirectory(DATASTORE)
    world.disk.forbid(DATASTORE, "permission")
    await expect(world.open(single)).rejects.toEqual(code("AT_DISK_IO"))
  })
})
