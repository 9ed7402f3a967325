import { describe, expect, it } from "vitest"
import { AtError } from "../../../src/errors.js"
import type { DiskFailure } from "../../../src/ports/disk.js"
import { findComplete } from "../../../src/storage/inventory.js"
import { PieceState } from "../../../src/storage/journal-state.js"
import type { PieceStore } from "../../../src/storage/piece-store.js"
import { commit, DATASTORE, fill, sample, World, wrongClaims } from "./fixture.js"
import { holdingWorld } from "./holding-disk.js"
import { doneIn, piecesIn, recover, scenarios, thereIn } from "./recovery.js"

/** Runs the scenario with its n-th operation failing, until there is no n-th. */
async function failEach(
  scenario: (typeof scenarios)[number],
  failure: DiskFailure,
  times: "once" | "forever",
): Promise<{ runs: number; failed: number }> {
  let failed = 0
  for (let n = 0; ; n++) {
    const fresh = new World({ seed: n })
    const world = (await scenario.prepare?.(fresh)) ?? fresh
    const before = world.disk.operations.length
    world.disk.failAt(n, failure, times)
    let store: PieceStore | undefined
    const work = scenario.work(world, (one) => {
      store = one
    })
    const error = await world.run(work).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    if (error !== undefined) {
      failed++
      expect(error).toBeInstanceOf(AtError)
      if (store !== undefined && times === "once") expect(await world.run(wrongClaims(store, scenario.of))).toEqual([])
      if (store !== undefined) await world.run(store.close())
    }
    world.disk.faults.clear()
    expect(world.process.pendingTimers, `operation ${n}`).toBe(0)
    for (const left of [world.left(), world.powerCut(0), world.powerCut(0.5)]) {
      const { metainfo, layout } = scenario.of
      const found = await left.run(findComplete(left.platform, { datastore: DATASTORE, infoHash: metainfo.infoHash }))
      if (found !== undefined) expect(thereIn(left, scenario.of)).toHaveLength(layout.pieceCount)
      const durable = scenario.damaged === undefined ? doneIn(left, scenario.of) : []
      await recover(left, scenario.of, { mustHave: durable })
    }
    if (world.disk.operations.length <= before + n) return { runs: n, failed }
  }
}

describe("every operation of the disk failing in turn", () => {
  for (const scenario of scenarios) {
    for (const [failure, times] of [
      ["io", "once"],
      ["io", "forever"],
      ["full", "once"],
      ["permission", "forever"],
    ] as const) {
      it(`ends in success or a typed error, and never in a wrong claim: ${scenario.name} (${failure}, ${times})`, async () => {
        const { runs, failed } = await failEach(scenario, failure, times)
        expect(runs).toBeGreaterThan(40)
        expect(failed).toBeGreaterThan(20)
      })
    }
  }
})

describe("a sync that fails", () => {
  const one = sample({ name: "one", kind: "file", pieceLength: 5000, files: [{ path: "one", length: 23_000 }] })

  it("takes back all that was not durable before, and lets nothing more be written", async () => {
    const world = new World()
    const store = await world.open(one)
    await world.run(fill(store, one, { pieces: [0, 1] }))
    await world.run(store.flush())
    await world.run(fill(store, one, { pieces: [2, 3] }))
    const lost: number[] = []
    store.onLost = (piece) => lost.push(piece)
    world.disk.failAt(({ kind, path }) => kind === "sync" && path.startsWith(`${DATASTORE}/one`), "io")
    await expect(world.run(store.flush())).rejects.toEqual(expect.objectContaining({ code: "AT_DISK_IO" }))
    expect([...store.have]).toEqual([0, 1])
    expect(lost).toEqual([2, 3])
    expect(await world.run(commit(store, one, 4))).toEqual({
      kind: "failed",
      error: expect.objectContaining({ code: "AT_DISK_IO" }),
    })
    await world.run(store.close())
    // What the system still shows is right, but only written again does it reach the disk.
    const next = world.killed()
    const again = await next.open(one)
    expect([...again.have]).toEqual([0, 1, 2, 3])
    await next.run(again.flush())
    const after = await next.powerCut(0).open(one)
    expect([...after.have]).toEqual([0, 1, 2, 3])
    await next.run(again.close())
  })

  it("lets a piece be claimed no more that was being written meanwhile", async () => {
    const two = sample({
      pieceLength: 1000,
      files: [
        { path: "a", length: 1500 },
        { path: "b", length: 1500 },
      ],
    })
    const { world, disk } = holdingWorld()
    const store = await world.open(two)
    await world.run(fill(store, two, { pieces: [0] }))
    const slow = disk.slow(({ kind, path }) => kind === "write" && path === `${two.pathOf(1)}.part`)
    const writing = commit(store, two, 1)
    await world.clock.run(100)
    expect(disk.held).toBe(1)
    // What it has in the other file goes with the sync.
    disk.failAt(({ kind, path }) => kind === "sync" && path === `${two.pathOf(0)}.part`, "io")
    await expect(world.run(store.flush())).rejects.toEqual(expect.objectContaining({ code: "AT_DISK_IO" }))
    slow.release()
    expect(await world.run(writing)).toMatchObject({ kind: "failed" })
    expect([...store.have]).toEqual([])
    await world.run(store.close())
    expect(piecesIn(world, two, PieceState.written)).toEqual([])
    await recover(world.killed(), two, { mustHave: [0, 1] })
  })

  it("leaves no journal behind that could not be told", async () => {
    const world = new World()
    const store = await world.open(one)
    // The journal says that a piece is written as it names the next.
    for (const piece of [0, 1]) await world.run(fill(store, one, { pieces: [piece] }))
    world.disk.failAt(({ kind }) => kind === "sync" || kind === "write", "io", "forever")
    await expect(world.run(store.flush())).rejects.toBeInstanceOf(AtError)
    await world.run(store.close())
    world.disk.faults.clear()
    const next = world.killed()
    // What the system dropped shows sooner or later.
    next.disk.flipByte(`${DATASTORE}/one.part`, 100)
    await recover(next, one, { mustHave: [1] })
  })
})

describe("a file that could not be made", () => {
  const one = sample({ name: "one", kind: "file", pieceLength: 5000, files: [{ path: "one", length: 23_000 }] })

  it.each(["full", "io", "permission"] as const)("is made when a piece of it comes again: %s", async (failure) => {
    const world = new World()
    const store = await world.open(one)
    world.disk.failAt(({ kind, path }) => kind === "open" && path === `${DATASTORE}/one.part`, failure)
    expect(await world.run(commit(store, one, 0))).toMatchObject({ kind: "failed" })
    await world.run(fill(store, one))
    expect(world.disk.readFile(`${DATASTORE}/one`)).toEqual(one.data)
    await world.run(store.close())
  })
})
