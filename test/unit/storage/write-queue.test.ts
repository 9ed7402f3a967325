import { describe, expect, it } from "vitest"
import { WriteQueue } from "../../../src/storage/write-queue.js"
import { turn } from "../torrent/stage.js"

const part = (position: number, length: number) => ({ position, bytes: new Uint8Array(length).fill(position & 0xff) })

describe("writes to one file", () => {
  it("go out as one for each stretch of neighbours, whatever their order", async () => {
    const writes: [number, number[]][] = []
    const queue = new WriteQueue((chunks, position) => {
      writes.push([position, chunks.map(({ length }) => length)])
      return Promise.resolve()
    })
    await Promise.all([queue.add([part(30, 10), part(0, 10)]), queue.add([part(10, 5)])])
    expect(writes).toEqual([
      [0, [10, 5]],
      [30, [10]],
    ])
  })

  it("are made one at a time, and gather meanwhile", async () => {
    const release: (() => void)[] = []
    const positions: number[] = []
    const queue = new WriteQueue((_, position) => {
      positions.push(position)
      return new Promise((resolve) => release.push(resolve))
    })
    const all = [queue.add([part(100, 10)]), queue.add([part(0, 10)])]
    await turn()
    expect(positions).toEqual([0])
    all.push(queue.add([part(110, 10)]))
    release.shift()!()
    await turn()
    expect(positions).toEqual([0, 100])
    release.shift()!()
    await turn()
    expect(positions).toEqual([0, 100, 110])
    release.shift()!()
    await Promise.all(all)
  })

  it("that fail reject those who asked for them, after all of theirs have ended, and nobody else", async () => {
    let ended = 0
    const queue = new WriteQueue(async (_, position) => {
      await turn()
      ended++
      if (position === 0) throw new Error("no")
    })
    const other = queue.add([part(50, 10)])
    await expect(queue.add([part(0, 10), part(100, 10)])).rejects.toThrow("no")
    expect(ended).toBe(3)
    await other
  })
})
