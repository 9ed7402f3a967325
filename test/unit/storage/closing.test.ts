import { describe, expect, it } from "vitest"
import { MemoryDisk } from "../../sim/lib/memory-disk.js"
import { SimRandom } from "../../sim/lib/sim-random.js"
import { fill, sample, World } from "./fixture.js"

describe("closing", () => {
  it("ends a flush that has much before it: nothing is written once the lock is given back", async () => {
    // More than one batch of syncs.
    const many = sample({
      pieceLength: 1000,
      files: Array.from({ length: 2200 }, (_, i) => ({ path: `${i % 10}/${i}.csv`, length: 10 })),
    })
    const world = new World({ disk: (clock) => new MemoryDisk({ clock, random: new SimRandom(1), delay: 0.1 }) })
    const store = await world.open(many)
    await world.run(fill(store, many))
    const flushing = store.flush().catch((error: unknown) => error)
    await world.clock.run(2)
    await world.run(store.close())
    const { length } = world.disk.operations
    expect(await world.run(flushing)).toMatchObject({ code: "AT_ABORTED" })
    await world.clock.run(10_000)
    expect(world.disk.operations.slice(length)).toEqual([])
    const again = await world.open(many)
    expect(again.have.complete).toBe(true)
    await world.run(again.close())
  })

  it.each([
    ["waits for the disk when that takes no time to speak of", 1, true],
    ["does not wait for the disk when much is not there yet: the next run believes it all the same", 12, false],
  ])("%s", async (_, pieces, waits) => {
    const large = sample({
      name: "large",
      kind: "file",
      pieceLength: 2 ** 20,
      files: [{ path: "large", length: 2 ** 24 }],
    })
    const world = new World()
    const store = await world.open(large)
    await world.run(fill(store, large, { pieces: Array.from({ length: pieces }, (_, piece) => piece) }))
    await world.run(store.close())
    const synced = world.disk.operations.some(({ kind, path }) => kind === "sync" && path.startsWith("/store/large"))
    expect(synced).toBe(waits)
    const again = await world.open(large)
    expect(again.have.count).toBe(pieces)
    await world.run(again.close())
  })
})
