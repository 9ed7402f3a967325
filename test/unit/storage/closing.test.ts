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
})
