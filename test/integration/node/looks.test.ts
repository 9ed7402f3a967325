import { tmpdir } from "node:os"
import { describe, expect, it } from "vitest"
import { type Looking, Looks, MACHINE } from "../../../src/node/looks.js"
import { DiskError } from "../../../src/ports/disk.js"

/** A file system that takes `cost` ms for a look made on the spot. */
class Disk implements Looking {
  cost = 0
  readonly looks: ("here" | "thread")[] = []
  #now = 0

  now(): number {
    return this.#now
  }

  here(): undefined {
    this.looks.push("here")
    this.#now += this.cost
  }

  inThread(): Promise<undefined> {
    this.looks.push("thread")
    return Promise.resolve(undefined)
  }
}

async function look(looks: Looks, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await looks.at("path")
}

const count = (disk: Disk, where: "here" | "thread"): number => disk.looks.filter((place) => place === where).length

describe("looks at paths", () => {
  it("are made on the spot as long as answers come fast", async () => {
    const disk = new Disk()
    disk.cost = 0.004
    await look(new Looks(disk), 10_000)
    expect(count(disk, "here")).toBe(10_000)
  })

  it("go to threads where answers are slow, but for one from time to time", async () => {
    const disk = new Disk()
    disk.cost = 0.5
    const looks = new Looks(disk)
    await look(looks, 5000)
    expect(count(disk, "here")).toBeLessThan(15)
    disk.cost = 0.004
    disk.looks.length = 0
    await look(looks, 5000)
    expect(count(disk, "thread")).toBeLessThan(1024)
  })

  it("let the event loop turn, however many there are at a time", async () => {
    const disk = new Disk()
    disk.cost = 0.1
    const looks = new Looks(disk)
    let turns = 0
    let over = false
    const turn = (): void => {
      turns++
      if (!over) setImmediate(turn)
    }
    setImmediate(turn)
    await Promise.all(Array.from({ length: 5000 }, () => looks.at("path")))
    over = true
    // 500 ms of looks, 5 ms a turn.
    expect(turns).toBeGreaterThan(90)
  })

  it("say the same on the spot as in a thread", async () => {
    for (const path of [tmpdir(), "/no/such/path"]) {
      expect(MACHINE.here(path)).toEqual(await MACHINE.inThread(path))
    }
    expect(() => MACHINE.here("/dev/null/below")).toThrow(DiskError)
    await expect(MACHINE.inThread("/dev/null/below")).rejects.toThrow(DiskError)
  })
})
