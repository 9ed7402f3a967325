import { describe, expect, it } from "vitest"
import { CommitMeter } from "../../../src/storage/commit-meter.js"
import { type Commit, type CommitOutcome, CommitQueue } from "../../../src/storage/commit-queue.js"
import { Slots } from "../../../src/storage/slots.js"
import { VirtualClock } from "../../sim/lib/virtual-clock.js"
import { turn } from "../torrent/stage.js"

const KiB = 1024
const meter = new CommitMeter(new VirtualClock())

/** A queue whose batches stay under way until `finish`. */
function stage(pieceLength: number) {
  const batches: { pieces: number[]; finish: () => void }[] = []
  const queue = new CommitQueue(pieceLength, meter, async (batch: readonly Commit[]) => {
    await new Promise<void>((resolve) => {
      batches.push({ pieces: batch.map(({ piece }) => piece), finish: resolve })
    })
    for (const { settle } of batch) settle({ kind: "stored" })
  })
  const slots = new Slots({ pieceLength, budget: 1024 * pieceLength })
  const outcomes: Promise<CommitOutcome>[] = []
  const add = (first: number, count: number): void => {
    for (let i = 0; i < count; i++) outcomes.push(queue.add(first + i, slots.acquire()!))
  }
  return { queue, batches, add, outcomes }
}

describe("commits", () => {
  it("of one turn go together, and one alone does not wait for company", async () => {
    const { batches, add } = stage(16 * KiB)
    add(0, 3)
    await turn()
    expect(batches.map(({ pieces }) => pieces)).toEqual([[0, 1, 2]])
  })

  it("gather while a batch is under way, up to four megabytes", async () => {
    const { batches, add } = stage(16 * KiB)
    add(0, 1)
    await turn()
    add(1, 255)
    await turn()
    expect(batches).toHaveLength(1)
    add(256, 1)
    await turn()
    expect(batches.map(({ pieces }) => pieces.length)).toEqual([1, 256])
    add(257, 2)
    await turn()
    expect(batches).toHaveLength(2)
    for (const { finish } of batches) finish()
    await turn()
    expect(batches[2]?.pieces).toEqual([257, 258])
  })

  it("of large pieces go one by one, four at a time", async () => {
    const { batches, add } = stage(4096 * KiB)
    add(0, 6)
    await turn()
    expect(batches.map(({ pieces }) => pieces)).toEqual([[0], [1], [2], [3]])
    batches[2]!.finish()
    await turn()
    expect(batches[4]?.pieces).toEqual([4])
  })

  it("are idle when all have been answered", async () => {
    const { queue, batches, add, outcomes } = stage(4096 * KiB)
    await queue.idle()
    add(0, 2)
    expect(queue.has(1)).toBe(true)
    await turn()
    let idle = false
    void queue.idle().then(() => {
      idle = true
    })
    batches[0]!.finish()
    await turn()
    expect(idle).toBe(false)
    batches[1]!.finish()
    expect(await Promise.all(outcomes)).toEqual([{ kind: "stored" }, { kind: "stored" }])
    await turn()
    expect(idle).toBe(true)
    expect(queue.has(1)).toBe(false)
  })

  it("may be made again for a piece as soon as it was refused, while its batch goes on", async () => {
    const finish: (() => void)[] = []
    const queue = new CommitQueue(16 * KiB, meter, async (batch) => {
      if (finish.length === 0) batch[0]!.settle({ kind: "corrupt" })
      await new Promise<void>((resolve) => finish.push(resolve))
      // Whoever fails a batch settles all of it, the refused too.
      for (const { settle } of batch) settle({ kind: "stored" })
    })
    const slots = new Slots({ pieceLength: 16 * KiB, budget: 2 ** 20 })
    const first = queue.add(7, slots.acquire()!)
    expect(await first).toEqual({ kind: "corrupt" })
    expect(queue.has(7)).toBe(false)
    const second = queue.add(7, slots.acquire()!)
    finish[0]!()
    await turn()
    expect(queue.has(7)).toBe(true)
    finish[1]!()
    expect(await second).toEqual({ kind: "stored" })
  })
})
