import { describe, expect, it } from "vitest"
import { PieceStore } from "../../../src/storage/piece-store.js"
import { type VerifyOptions, verifyData } from "../../../src/storage/verify.js"
import { lockOn } from "../../sim/lib/sim-lock.js"
import { commit, DATASTORE, fill, sample, someBytes, World, wrongClaims } from "./fixture.js"

/** Pieces of 1,000: a has 0-2, b and c share 2, d has 3-7 (and 3 with its padding). */
const tree = sample({
  pieceLength: 1000,
  files: [
    { path: "a", length: 2500 },
    { path: "b", length: 300 },
    { path: "c", length: 100 },
    { path: ".pad/100", length: 100, padding: true },
    { path: "d", length: 4321 },
    { path: "empty", length: 0 },
  ],
})

function complete(): World {
  const world = new World()
  for (const index of [0, 1, 2, 4, 5]) world.disk.putFile(tree.pathOf(index), tree.fileData(index).slice())
  return world
}

const verify = (world: World, options: Partial<VerifyOptions> = {}) =>
  world.run(verifyData({ platform: world.platform, metainfo: tree.metainfo, datastore: DATASTORE, ...options }))

const summary = (report: Awaited<ReturnType<typeof verify>>): { d?: unknown } & Record<string, unknown> =>
  Object.fromEntries(report.files.map(({ path, state, badPieces }) => [path, [state, badPieces]]))

describe("verifying", () => {
  it("finds nothing wrong where nothing is, and writes nothing", async () => {
    const world = complete()
    const progress: [number, number][] = []
    const report = await world.run(
      verifyData({
        platform: world.platform,
        metainfo: tree.metainfo,
        dataPath: `${DATASTORE}/dataset`,
        onProgress: (done, total) => progress.push([done, total]),
      }),
    )
    expect(report).toMatchObject({ complete: true, badPieces: [], checkedBytes: 7221, missingBytes: 0 })
    expect(report.files.map(({ path }) => path)).toEqual(["a", "b", "c", "d", "empty"])
    expect(progress.at(-1)).toEqual([7221, 7221])
    const looking = new Set(["close", "open", "read", "stat", "stat-handle"])
    expect(world.disk.operations.filter(({ kind }) => !looking.has(kind))).toEqual([])
    expect(world.disk.operations.every(({ mode }) => mode === undefined || mode === "read")).toBe(true)
  })

  it("hashes long files stretch by stretch, and names the piece of a flipped byte in any", async () => {
    const long = sample({
      pieceLength: 1_500_000,
      files: [
        { path: "a", length: 7_000_000 },
        { path: "b", length: 6_500_000 },
      ],
    })
    for (const piece of [0, 2, 4, 5, 8]) {
      const world = new World({ seed: piece })
      for (const index of [0, 1]) world.disk.putFile(long.pathOf(index), long.fileData(index).slice())
      const at = piece * 1_500_000 + 10
      if (at < 7_000_000) world.disk.flipByte(long.pathOf(0), at)
      else world.disk.flipByte(long.pathOf(1), at - 7_000_000)
      const { metainfo } = long
      const report = await world.run(verifyData({ platform: world.platform, metainfo, datastore: DATASTORE }))
      expect(report.badPieces).toEqual([{ first: piece, count: 1 }])
    }
  })

  it("names the file and the pieces of any flipped byte", async () => {
    for (const [index, position, path, first] of [
      [0, 1234, "a", 1],
      [4, 0, "d", 3],
      [4, 4320, "d", 7],
    ] as const) {
      const world = complete()
      world.disk.flipByte(tree.pathOf(index), position)
      const report = await verify(world)
      expect(report.complete).toBe(false)
      expect(report.badPieces).toEqual([{ first, count: 1 }])
      expect(summary(report)[path]).toEqual(["damaged", [{ first, count: 1 }]])
      expect(report.missingBytes).toBe(first === 7 ? 321 : 1000)
      expect(report.checkedBytes).toBe(7221)
    }
  })

  it("names what is missing, unfinished, too long, too short, or in the place of something else", async () => {
    const world = complete()
    await world.run(world.disk.rename(tree.pathOf(0), `${tree.pathOf(0)}.part`))
    await world.run(world.disk.remove(tree.pathOf(1)))
    world.disk.putFile(tree.pathOf(4), tree.fileData(4).slice(0, 2000))
    world.disk.putFile(tree.pathOf(5), someBytes(1))
    const report = await verify(world)
    expect(summary(report)).toEqual({
      a: ["unfinished", [{ first: 2, count: 1 }]],
      b: ["missing", [{ first: 2, count: 1 }]],
      c: ["uncertain", [{ first: 2, count: 1 }]],
      d: ["wrong-size", [{ first: 5, count: 3 }]],
      empty: ["wrong-size", []],
    })
    expect(report.files.map(({ actualLength }) => actualLength)).toEqual([2500, null, 100, 2000, 1])
  })

  it("says what stands in the place of a missing file", async () => {
    const world = complete()
    await world.run(world.disk.remove(tree.pathOf(0)))
    world.disk.putLink(tree.pathOf(0), "/elsewhere")
    await world.run(world.disk.remove(tree.pathOf(1)))
    world.disk.putFile(`${tree.pathOf(1)}/inside`, someBytes(1))
    await world.run(world.disk.remove(tree.pathOf(2)))
    const { files } = await verify(world)
    expect(files.slice(0, 3).map(({ state, obstacle }) => [state, obstacle])).toEqual([
      ["missing", expect.stringMatching(/symbolic link.*a$/)],
      ["missing", expect.stringMatching(/b is in the way: .* folder$/)],
      ["missing", undefined],
    ])
  })

  it("looks at the chosen files alone, and knows what is kept of their neighbours", async () => {
    const world = new World()
    const selected = new Set([1])
    const store = await world.open(tree, { selected })
    await world.run(fill(store, tree))
    await world.run(store.close())
    expect(await verify(world, { selected })).toMatchObject({ complete: true, badPieces: [], checkedBytes: 900 })
    expect(await verify(world)).toMatchObject({ complete: false, badPieces: [{ first: 0, count: 8 }] })
  })

  it("leaves nothing believed that it found damaged", async () => {
    const world = new World()
    const store = await world.open(tree)
    await world.run(fill(store, tree))
    await world.run(store.close())
    world.disk.flipByte(tree.pathOf(0), 1234)
    await verify(world, { takeLock: lockOn(world.disk) })
    const next = await world.open(tree)
    expect([...Array(tree.layout.pieceCount).keys()].filter((piece) => !next.have.has(piece))).toEqual([1])
    await world.run(fill(next, tree))
    await world.run(next.close())
    expect(world.disk.readFile(tree.pathOf(0))).toEqual(tree.fileData(0))
  })

  it("leaves the journal alone where somebody else is at work", async () => {
    const world = new World()
    const store = await world.open(tree)
    await world.run(fill(store, tree, { pieces: [0, 1] }))
    world.disk.flipByte(`${tree.pathOf(0)}.part`, 1234)
    await verify(world, { takeLock: lockOn(world.disk) })
    expect(world.log.lines.map(({ message }) => message)).toContainEqual(expect.stringContaining("goes on claiming"))
    await world.run(store.close())
    const next = await world.open(tree)
    expect([...next.have]).toEqual([0, 1])
    await world.run(next.close())
  })

  it("stops when it is told to", async () => {
    const controller = new AbortController()
    controller.abort()
    await expect(verify(complete(), { signal: controller.signal })).rejects.toMatchObject({ code: "AT_ABORTED" })
  })

  it("says which piece it is when the disk can't read a sector", async () => {
    const world = complete()
    world.disk.failAt(
      ({ kind, path, position = 0, length = 0 }) =>
        kind === "read" && path.endsWith("/d") && position <= 2500 && position + length > 2500,
      "io",
      "forever",
    )
    const report = await verify(world)
    expect(report.badPieces).toEqual([{ first: 5, count: 1 }])
    expect(summary(report).d).toEqual(["damaged", [{ first: 5, count: 1 }]])
  })
})

describe("an author's own data", () => {
  const theirs = sample({
    pieceLength: 1000,
    files: [
      { path: "12_00.csv", length: 1500 },
      { path: "a/b_", length: 700 },
      { path: "c", length: 10 },
      { path: "_", length: 10 },
    ],
  })
  const renamed = new Map([
    [0, ["12:00.csv"]],
    [1, ["a", "b?"]],
    [3, [".."]],
  ])
  const metainfo = { ...theirs.metainfo, renamed }
  const dataPath = `${DATASTORE}/dataset`

  /** The files stand under these names. */
  function worldOf(names: readonly string[]): World {
    const world = new World()
    for (const [index, name] of names.entries())
      world.disk.putFile(`${dataPath}/${name}`, theirs.fileData(index).slice())
    return world
  }

  it.each([
    ["the author's", ["12:00.csv", "a/b?", "c", "_"]],
    ["safe ones", ["12_00.csv", "a/b_", "c", "_"]],
    ["both", ["12_00.csv", "a/b?", "c", "_"]],
  ])("is found under names that are %s", async (_whose, names) => {
    const world = worldOf(names)
    const store = await world.run(PieceStore.openReadOnly({ platform: world.platform, metainfo, dataPath }))
    expect(store.have.complete).toBe(true)
    await world.run(store.close())
    const report = await world.run(verifyData({ platform: world.platform, metainfo, dataPath }))
    expect(report.complete).toBe(true)
  })

  it.each([
    ["back\\slash", true],
    ["..\\secret", false],
    ["a\\..\\..\\secret", false],
    ["\\server", false],
  ])("may have a backslash in its name, unless that leads elsewhere: %s", async (name, isFound) => {
    const one = sample({ pieceLength: 1000, files: [{ path: "safe", length: 1500 }] })
    const world = new World()
    world.disk.putFile(`${dataPath}/${name}`, one.fileData(0).slice())
    const data = { platform: world.platform, metainfo: { ...one.metainfo, renamed: new Map([[0, [name]]]) }, dataPath }
    const report = await world.run(verifyData(data))
    expect(report.complete).toBe(isFound)
  })

  it("is not looked for outside its folder", async () => {
    const world = worldOf(["12:00.csv", "a/b?", "c"])
    const store = await world.run(PieceStore.openReadOnly({ platform: world.platform, metainfo, dataPath }))
    expect([...store.have]).toEqual([0, 1])
    await world.run(store.close())
    expect(world.disk.operations.some(({ path }) => path.includes(".."))).toBe(false)
  })
})

describe("data that is only read", () => {
  const open = (world: World, options: { trust?: boolean } = {}) =>
    world.run(
      PieceStore.openReadOnly({
        platform: world.platform,
        metainfo: tree.metainfo,
        dataPath: `${DATASTORE}/dataset`,
        ...options,
      }),
    )

  it("is given as far as it verifies, from where it stands", async () => {
    const world = complete()
    world.disk.flipByte(tree.pathOf(4), 4000)
    const paths = world.disk.filePaths()
    const store = await open(world)
    expect(store.have.count).toBe(7)
    expect(await world.run(wrongClaims(store, tree))).toEqual([])
    expect(await world.run(commit(store, tree, 7))).toMatchObject({ kind: "failed" })
    await world.run(store.close())
    expect(world.disk.filePaths()).toEqual(paths)
    expect(world.disk.operations.some(({ kind }) => kind === "write" || kind === "make-directory")).toBe(false)
  })

  it("can be believed unread, and is still not given wrong when it was changed later", async () => {
    const world = complete()
    const store = await open(world, { trust: true })
    expect(store.have.complete).toBe(true)
    expect(world.disk.operations.some(({ kind }) => kind === "read")).toBe(false)
    await world.clock.run(5)
    const handle = await world.run(world.disk.open(tree.pathOf(4), "write"))
    await world.run(handle.write([someBytes(10)], 1500))
    const into = new Uint8Array(1000)
    await expect(world.run(store.read(4, 0, into))).rejects.toMatchObject({ code: "AT_CORRUPT" })
    await world.run(store.read(3, 0, into))
    expect(store.have.count).toBe(7)
    await world.run(store.close())
  })
})
