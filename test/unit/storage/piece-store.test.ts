import { describe, expect, it, vi } from "vitest"
import { Encoded, encode } from "../../../src/metainfo/bencode.js"
import { parseTorrent } from "../../../src/metainfo/torrent-file.js"
import { stateDirectory } from "../../../src/storage/state-directory.js"
import { SimHasher } from "../../sim/lib/sim-hasher.js"
import { digester } from "../../support/torrents.js"
import { draftTorrent } from "../../support/v2-torrents.js"
import { commit, DATASTORE, fill, sample, someBytes, World, wrongClaims } from "./fixture.js"
import { doneIn } from "./recovery.js"

const tree = sample({
  pieceLength: 1000,
  files: [
    { path: "a.csv", length: 2500 },
    { path: "empty", length: 0 },
    { path: "deep/er/b.csv", length: 300 },
    { path: "deep/c.csv", length: 100 },
    { path: ".pad/1", length: 100, padding: true },
    { path: "d.csv", length: 4321 },
  ],
})
const single = sample({ name: "one.bin", kind: "file", pieceLength: 1000, files: [{ path: "one.bin", length: 3210 }] })

const code = (value: string) => expect.objectContaining({ code: value })

describe("a piece store", () => {
  it("keeps a dataset under its final names once all is there, byte for byte", async () => {
    const world = new World()
    const store = await world.open(tree, { torrentBytes: someBytes(50) })
    expect(store.path).toBe(`${DATASTORE}/dataset`)
    expect(store.wanted.complete).toBe(true)
    await world.run(fill(store, tree))
    await world.run(store.close())
    expect(world.dataPaths()).toEqual([0, 2, 3, 5, 1].map((index) => tree.pathOf(index)).sort())
    for (const index of [0, 1, 2, 3, 5]) expect(world.disk.readFile(tree.pathOf(index))).toEqual(tree.fileData(index))
    const state = stateDirectory(DATASTORE, tree.metainfo.infoHash)
    expect(world.disk.readFile(`${state}/dataset.torrent`)).toEqual(someBytes(50))
    expect(store.fileComplete(0)).toBe(true)
    expect(world.process.pendingTimers).toBe(0)
    expect(store.slots.inUse).toBe(0)
  })

  it("gives a file its final name only when all of its pieces are verified", async () => {
    const world = new World()
    const store = await world.open(tree)
    await world.run(fill(store, tree, { pieces: [0, 1] }))
    expect(world.dataPaths()).toEqual([`${DATASTORE}/dataset/a.csv.part`, `${DATASTORE}/dataset/empty`])
    expect(store.fileComplete(0)).toBe(false)
    await world.run(fill(store, tree, { pieces: [2] }))
    expect(store.fileComplete(0)).toBe(true)
    expect(world.dataPaths()).toContain(tree.pathOf(0))
    await world.run(store.close())
  })

  it("opens a complete dataset with one look at each file and folder and reads none of it", async () => {
    const world = new World()
    const store = await world.open(tree)
    await world.run(fill(store, tree))
    await world.run(store.close())
    const next = world.killed()
    const again = await next.open(tree)
    expect(again.have.complete).toBe(true)
    await next.run(again.close())
    const data = next.disk.operations.filter(({ path }) => path.startsWith(`${DATASTORE}/dataset`))
    expect(data.every(({ kind }) => kind === "stat")).toBe(true)
    const looked = data.map(({ path }) => path)
    expect(looked).toHaveLength(new Set(looked).size)
    expect(next.disk.operations.filter(({ kind }) => kind === "write")).toEqual([])
  })

  it("claims nothing for a corrupt piece, and takes the right one after it", async () => {
    const world = new World()
    const store = await world.open(single)
    expect(await world.run(commit(store, single, 1, someBytes(1000, "wrong")))).toEqual({ kind: "corrupt" })
    expect(store.have.count).toBe(0)
    expect(await world.run(commit(store, single, 1))).toEqual({ kind: "stored" })
    expect(await world.run(wrongClaims(store, single))).toEqual([])
    await world.run(store.close())
  })

  it("makes all durable on flush", async () => {
    const world = new World()
    const store = await world.open(tree)
    await world.run(fill(store, tree))
    await world.run(store.flush())
    const after = world.powerCut(0)
    expect(doneIn(after, tree)).toEqual([...store.have])
    const again = await after.open(tree)
    expect(again.have.complete).toBe(true)
    for (const index of [0, 2, 3, 5]) expect(after.disk.readFile(tree.pathOf(index))).toEqual(tree.fileData(index))
    await world.run(store.close())
  })

  it("makes all durable by itself within a few seconds", async () => {
    const world = new World()
    const store = await world.open(single)
    await world.run(fill(store, single))
    await world.clock.run(6000)
    const after = await world.powerCut(0).open(single)
    expect(after.have.complete).toBe(true)
    await world.run(store.close())
  })

  it("is held by one process at a time", async () => {
    const world = new World()
    const store = await world.open(single)
    await expect(world.open(single)).rejects.toEqual(code("AT_LOCKED"))
    await world.run(store.close())
    const again = await world.open(single)
    await world.run(again.close())
  })

  it("takes up where a killed process stopped, and fetches no stored piece again", async () => {
    const world = new World()
    const store = await world.open(tree)
    await world.run(fill(store, tree, { pieces: [0, 2, 5] }))
    const next = world.killed()
    const again = await next.open(tree)
    expect([...again.have]).toEqual([0, 2, 5])
    expect(await next.run(wrongClaims(again, tree))).toEqual([])
    await next.run(fill(again, tree))
    expect(next.disk.readFile(tree.pathOf(5))).toEqual(tree.fileData(5))
    await next.run(again.close())
  })

  it("hashes a changed file anew, and repairs what is wrong", async () => {
    const world = new World()
    const store = await world.open(tree)
    await world.run(fill(store, tree))
    await world.run(store.close())
    const damaged = tree.fileData(5).slice()
    damaged[2000]! ^= 1
    world.disk.putFile(tree.pathOf(5), damaged)
    const again = await world.open(tree)
    // d.csv starts at byte 3,000.
    expect([0, 1, 2, 3, 4, 5, 6, 7].filter((piece) => !again.have.has(piece))).toEqual([5])
    await world.run(fill(again, tree))
    expect(world.disk.readFile(tree.pathOf(5))).toEqual(tree.fileData(5))
    expect(world.dataPaths().some((path) => path.endsWith(".part"))).toBe(false)
    await world.run(again.close())
  })

  it("repairs a file of one piece of which no byte is right, if it is the one that we made", async () => {
    const small = sample({ name: "s", kind: "file", pieceLength: 1000, files: [{ path: "s", length: 500 }] })
    const world = new World()
    const store = await world.open(small)
    await world.run(fill(store, small))
    await world.run(store.close())
    const handle = await world.run(world.disk.open(`${DATASTORE}/s`, "write"))
    await world.run(handle.write([someBytes(500, "other")], 0))
    const again = await world.open(small)
    expect(again.have.count).toBe(0)
    await world.run(fill(again, small))
    expect(world.disk.readFile(`${DATASTORE}/s`)).toEqual(small.data)
    await world.run(again.close())
  })

  it("finds what only a full check can find, when asked to verify", async () => {
    const world = new World()
    const store = await world.open(single)
    await world.run(fill(store, single))
    await world.run(store.close())
    world.disk.flipByte(`${DATASTORE}/one.bin`, 1500)
    const trusting = await world.open(single)
    expect(trusting.have.complete).toBe(true)
    await world.run(trusting.close())
    const checked: number[] = []
    const again = await world.open(single, { verify: "always", onChecking: (done) => checked.push(done) })
    expect([...again.have]).toEqual([0, 2, 3])
    expect(checked.at(-1)).toBe(3210)
    await world.run(fill(again, single))
    await world.run(again.close())
    expect(world.disk.readFile(`${DATASTORE}/one.bin`)).toEqual(single.data)
  })

  it("notices, before it hands out bytes, that a file was changed", async () => {
    const world = new World()
    const store = await world.open(single)
    await world.run(fill(store, single))
    const lost: number[] = []
    store.onLost = (piece) => lost.push(piece)
    await world.clock.run(10)
    const handle = await world.run(world.disk.open(`${DATASTORE}/one.bin`, "write"))
    await world.run(handle.write([Uint8Array.of(1, 2, 3)], 1500))
    const into = new Uint8Array(100)
    await expect(world.run(store.read(1, 0, into))).rejects.toEqual(code("AT_CORRUPT"))
    expect(lost).toEqual([1])
    await world.run(store.read(0, 50, into))
    expect(into).toEqual(single.data.subarray(50, 150))
    await world.run(fill(store, single))
    expect(world.disk.readFile(`${DATASTORE}/one.bin`)).toEqual(single.data)
    await world.run(store.close())
    const again = await world.open(single)
    expect(again.have.complete).toBe(true)
    await world.run(again.close())
  })

  it("keeps the .torrent beside the data, whole after a power cut, and anew where an earlier one left none of it", async () => {
    const torrentBytes = someBytes(3000, "torrent")
    const path = `${stateDirectory(DATASTORE, single.metainfo.infoHash)}/dataset.torrent`
    const world = new World()
    const store = await world.open(single, { torrentBytes })
    await world.run(fill(store, single))
    await world.run(store.flush())
    const next = world.powerCut(0)
    expect(next.disk.readFile(path)).toEqual(torrentBytes)
    next.disk.putFile(path, new Uint8Array(0))
    const again = await next.open(single, { torrentBytes })
    await next.run(again.close())
    expect(next.disk.readFile(path)).toEqual(torrentBytes)
    await world.run(store.close())
  })

  it("puts a corrected .torrent in place of the kept one where it was given, and loses neither in a power cut", async () => {
    const [old, corrected] = [someBytes(3000, "old"), someBytes(3001, "corrected")]
    const path = `${stateDirectory(DATASTORE, single.metainfo.infoHash)}/dataset.torrent`
    const world = new World()
    const open = async (torrentBytes: Uint8Array, replacesTorrent?: boolean): Promise<void> => {
      const store = await world.open(single, { torrentBytes, replacesTorrent })
      await world.run(store.close())
    }
    await open(old)
    await open(corrected)
    expect(world.disk.readFile(path)).toEqual(old)
    const left: (Uint8Array | undefined)[] = []
    world.disk.failAt(() => {
      left.push(world.powerCut(0).disk.readFile(path), world.powerCut(1).disk.readFile(path))
      return false
    }, "io")
    await open(corrected, true)
    for (const bytes of left) expect([old, corrected]).toContainEqual(bytes)
    expect(world.disk.readFile(path)).toEqual(corrected)
    expect(world.powerCut(0).disk.readFile(path)).toEqual(corrected)
    world.disk.failAt(({ kind, path: to }) => kind === "write" && to === `${path}.new`, "full")
    const store = await world.open(single, { torrentBytes: old, replacesTorrent: true })
    await world.run(fill(store, single))
    await world.run(store.close())
    expect(world.disk.readFile(path)).toEqual(corrected)
    const made = (): number => world.disk.operations.filter((one) => one.path === `${path}.new`).length
    const before = made()
    await open(corrected, true)
    expect(made()).toBe(before)
  })

  it("keeps a .torrent with the hashes of v2 where the given one lacks them", async () => {
    const { torrent, info } = draftTorrent({ a: 100_000 }, { version: "hybrid" })
    const bare = encode({ announce: "http://tracker.example/", info: new Encoded(info) })
    const path = `${stateDirectory(DATASTORE, parseTorrent(bare, digester).infoHash)}/dataset.torrent`
    const world = new World()
    const kept: unknown[] = []
    for (const torrentBytes of [bare, torrent, bare]) {
      const metainfo = parseTorrent(torrentBytes, digester)
      const store = await world.open({ ...single, metainfo }, { torrentBytes, replacesTorrent: true })
      await world.run(store.close())
      kept.push(world.disk.readFile(path))
    }
    expect(kept).toEqual([bare, torrent, torrent])
  })

  it("notices it, too, when many read at a time", async () => {
    // Which of them notices first is for chance.
    for (let seed = 0; seed < 10; seed++) {
      const world = new World({ seed })
      const store = await world.open(single)
      await world.run(fill(store, single))
      await world.clock.run(10)
      const handle = await world.run(world.disk.open(`${DATASTORE}/one.bin`, "write"))
      await world.run(handle.write([Uint8Array.of(1, 2, 3)], 1500))
      const reading = [0, 1, 2, 1, 3, 1].map(async (piece) => {
        const into = new Uint8Array(1000).subarray(0, single.layout.pieceSize(piece))
        const read = await store.read(piece, 0, into).then(
          () => true,
          () => false,
        )
        return read && Buffer.compare(into, single.pieceData(piece)) !== 0 ? `wrong bytes of ${piece}` : "fine"
      })
      expect(new Set(await world.run(Promise.all(reading)))).toEqual(new Set(["fine"]))
      await world.run(store.close())
    }
  })

  it("checks a changed file's pieces in one piece's memory, however many are read at a time", async () => {
    const world = new World()
    const store = await world.open(single)
    await world.run(fill(store, single))
    await world.clock.run(10)
    const handle = await world.run(world.disk.open(`${DATASTORE}/one.bin`, "write"))
    await world.run(handle.write([single.data.subarray(0, 1)], 0))
    const memories = new Set<ArrayBufferLike>()
    const { hasher } = world.platform
    const hashPieces = vi.spyOn(hasher, "hashPieces").mockImplementation((algorithm, pieces) => {
      for (const { buffer } of pieces) memories.add(buffer)
      return SimHasher.prototype.hashPieces.call(hasher, algorithm, pieces)
    })
    const reading = [0, 1, 2, 3, 1, 0].map(async (piece) => {
      const into = new Uint8Array(200)
      await store.read(piece, 5, into)
      expect(into).toEqual(single.pieceData(piece).subarray(5, 205))
    })
    await world.run(Promise.all(reading))
    expect(hashPieces).toHaveBeenCalledTimes(4)
    expect(memories.size).toBe(1)
    await world.run(store.close())
  })

  it("fetches a file anew that was removed while it was at work", async () => {
    const world = new World()
    const store = await world.open(tree)
    await world.run(fill(store, tree, { pieces: [3, 4] }))
    await world.run(world.disk.remove(`${DATASTORE}/dataset/d.csv.part`))
    const outcomes = []
    for (const piece of [5, 6, 7]) outcomes.push(await world.run(commit(store, tree, piece)))
    await world.run(fill(store, tree)).catch(() => {})
    await world.run(fill(store, tree))
    expect(world.disk.readFile(tree.pathOf(5))).toEqual(tree.fileData(5))
    expect(await world.run(wrongClaims(store, tree))).toEqual([])
    await world.run(store.close())
  })

  it("does not mix up a file with another one's unfinished name", async () => {
    const odd = sample({
      pieceLength: 100,
      files: [
        { path: "x", length: 250 },
        { path: "x.part", length: 250 },
        { path: "x.part.part/y", length: 250 },
      ],
    })
    const world = new World()
    const store = await world.open(odd)
    await world.run(fill(store, odd))
    await world.run(store.close())
    for (const index of [0, 1, 2]) expect(world.disk.readFile(odd.pathOf(index))).toEqual(odd.fileData(index))
    expect(world.dataPaths().length).toBe(3)
  })

  it("writes neighbouring pieces of one turn as one", async () => {
    const world = new World()
    const big = sample({ name: "big", kind: "file", pieceLength: 16384, files: [{ path: "big", length: 64 * 16384 }] })
    const store = await world.open(big)
    await world.run(Promise.all(Array.from({ length: 64 }, (_, piece) => commit(store, big, piece))))
    const writes = world.disk.operations.filter(
      ({ kind, path }) => kind === "write" && path.startsWith(`${DATASTORE}/big`),
    )
    expect(writes.length).toBeLessThan(40)
    expect(Buffer.compare(world.disk.readFile(`${DATASTORE}/big`)!, big.data)).toBe(0)
    await world.run(store.close())
  })

  it("stops a check when its caller's signal says so, and lets go of the lock", async () => {
    const world = new World()
    world.disk.putFile(`${DATASTORE}/one.bin`, single.data)
    const controller = new AbortController()
    const opening = world.open(single, { signal: controller.signal, onChecking: () => controller.abort() })
    // One run is all there is, so the check itself may still end well: both ends are fine, but the lock must be free.
    await opening.then(
      (store) => world.run(store.close()),
      (error: unknown) => expect(error).toEqual(code("AT_ABORTED")),
    )
    controller.abort()
    await expect(world.open(single, { signal: controller.signal })).rejects.toEqual(code("AT_ABORTED"))
    const store = await world.open(single)
    await world.run(store.close())
  })

  it("goes on with a check where it was stopped, however often", async () => {
    const world = new World()
    const MiB = 2 ** 20
    const files = ["a", "b", "c"].map((path) => ({ path, length: 38 * MiB }))
    const large = sample({ pieceLength: 4 * MiB, files })
    for (const index of [0, 1, 2]) world.disk.putFile(large.pathOf(index), large.fileData(index))
    const toCheck: number[] = []
    const stopAtOnce = async (): Promise<void> => {
      const controller = new AbortController()
      const onChecking = (done: number, total: number): void => {
        if (done === 0) toCheck.push(total)
        else controller.abort()
      }
      await expect(world.open(large, { signal: controller.signal, onChecking })).rejects.toEqual(code("AT_ABORTED"))
    }
    await stopAtOnce()
    await stopAtOnce()
    const store = await world.open(large, { onChecking: (done, total) => done === 0 && toCheck.push(total) })
    expect(store.have.count).toBe(large.layout.pieceCount)
    const [all, less, least] = toCheck as [number, number, number]
    expect(all).toBe(large.layout.length)
    // 32 MiB are under way at a time.
    expect(all - less).toBeGreaterThanOrEqual(16 * MiB)
    expect(less - least).toBeGreaterThanOrEqual(16 * MiB)
    await world.run(store.close())
  })

  it("believes nothing of a stopped check about a file that was written to since", async () => {
    const world = new World()
    const MiB = 2 ** 20
    const large = sample({
      pieceLength: 4 * MiB,
      kind: "file",
      name: "large",
      files: [{ path: "large", length: 54 * MiB }],
    })
    const path = `${DATASTORE}/large`
    world.disk.putFile(path, large.data)
    const controller = new AbortController()
    const onChecking = (done: number): void => {
      if (done > 0) controller.abort()
    }
    await expect(world.open(large, { signal: controller.signal, onChecking })).rejects.toEqual(code("AT_ABORTED"))
    const changed = large.data.slice()
    changed[5] = changed[5]! ^ 1
    world.disk.putFile(path, changed)
    const store = await world.open(large)
    expect(store.have.has(0)).toBe(false)
    expect(store.have.count).toBe(large.layout.pieceCount - 1)
    await world.run(store.close())
  })
})
