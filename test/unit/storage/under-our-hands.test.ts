import { describe, expect, it } from "vitest"
import { commit, DATASTORE, fill, sample, someBytes, World, wrongClaims } from "./fixture.js"

const code = (value: string) => expect.objectContaining({ code: value })
const one = sample({ name: "one", kind: "file", pieceLength: 1000, files: [{ path: "one", length: 4500 }] })
const [FINAL, PART] = [`${DATASTORE}/one`, `${DATASTORE}/one.part`]
const foreign = someBytes(4500, "foreign")

/** Four of five pieces are there. */
async function unfinished(missing: number) {
  const world = new World()
  const store = await world.open(one)
  await world.run(fill(store, one, { pieces: [0, 1, 2, 3, 4].filter((piece) => piece !== missing) }))
  return { world, store }
}

async function cutShort(world: World, path: string, length: number): Promise<void> {
  const handle = await world.run(world.disk.open(path, "write"))
  await world.run(handle.truncate(length))
  await world.run(handle.close())
}

describe("an unfinished file that somebody replaced", () => {
  it("gets no final name, and is not written over", async () => {
    const { world, store } = await unfinished(4)
    world.disk.putFile(PART, foreign)
    expect(await world.run(commit(store, one, 4))).toEqual({ kind: "failed", error: code("AT_DISK_IO") })
    expect([...store.have]).toEqual([])
    expect(await world.run(commit(store, one, 0))).toEqual({ kind: "failed", error: code("AT_EXISTS") })
    expect(world.dataPaths()).toEqual([PART])
    expect(world.disk.readFile(PART)).toEqual(foreign)
    await world.run(store.close())
  })

  it("is not believed by the next run", async () => {
    const { world, store } = await unfinished(4)
    world.disk.putFile(PART, foreign)
    await world.run(store.close())
    const again = await world.open(one)
    expect([...again.have]).toEqual([])
    await world.run(again.close())
  })
})

describe("an unfinished file that somebody cut short", () => {
  it("is not made whole with zeros: what was cut off is missing", async () => {
    const { world, store } = await unfinished(0)
    await cutShort(world, PART, 2500)
    expect(await world.run(commit(store, one, 0))).toEqual({ kind: "failed", error: code("AT_DISK_IO") })
    expect([...store.have]).toEqual([0, 1])
    expect(world.dataPaths()).toEqual([PART])
    await world.run(fill(store, one))
    expect(world.disk.readFile(FINAL)).toEqual(one.data)
    await world.run(store.close())
  })

  it.each(["closed", "killed", "closed before it was cut"] as const)(
    "is not believed by the next run: %s",
    async (end) => {
      const { world, store } = await unfinished(0)
      if (end === "closed before it was cut") await world.run(store.close())
      await cutShort(world, PART, 2500)
      if (end === "closed") await world.run(store.close())
      const next = world.killed()
      const again = await next.open(one)
      expect([...again.have]).toEqual([1])
      expect(await next.run(wrongClaims(again, one))).toEqual([])
      await next.run(fill(again, one))
      expect(next.disk.readFile(FINAL)).toEqual(one.data)
      await next.run(again.close())
    },
  )
})

describe("a finished file", () => {
  it("that somebody put another in place of, is not written over", async () => {
    const world = new World()
    const first = await world.open(one)
    await world.run(fill(first, one))
    await world.run(first.close())
    const giving = await world.open(one)
    world.disk.putFile(FINAL, foreign)
    for (let piece = 0; piece < 5; piece++) {
      await expect(world.run(giving.read(piece, 0, new Uint8Array(10)))).rejects.toEqual(code("AT_CORRUPT"))
    }
    expect(await world.run(commit(giving, one, 0))).toEqual({ kind: "failed", error: code("AT_EXISTS") })
    expect(world.dataPaths()).toEqual([FINAL])
    expect(world.disk.readFile(FINAL)).toEqual(foreign)
    await world.run(giving.close())
  })
})
