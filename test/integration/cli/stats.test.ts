import { describe, expect, it } from "vitest"
import type { CommitStats } from "../../../src/storage/commit-meter.js"
import { jsonLines } from "./command.js"
import { flipByte, Stage } from "./stage.js"

const LENGTH = 1_500_000
const PIECE = 65_536
const CREATE = { pieceLength: PIECE }

/** The numbers of an object, all but its total. */
function parts({ total: _, ...others }: Record<string, number>): number {
  return Object.values(others).reduce((sum, part) => sum + part, 0)
}

describe("--stats", () => {
  it("says on standard error where the time of a get went, and the result stays alone", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", LENGTH, { create: CREATE, seeders: [{ rate: 1_000_000 }] })
    const { stdout, stderr } = await stage.run([dataset.infoHash, "--stats"], { program: "at-get" })
    expect(stdout).toBe(`${stage.stored("one.bin")}\n`)
    expect(stderr).toMatch(/^where the time went: one\.bin$/m)
    expect(stderr).toMatch(/^ +received +1\.4 MiB: peers 1\.4 MiB, web seeds 0 B$/m)
    expect(stderr).toMatch(/^ +write alone +1\.4 MiB in /m)
    const without = await stage.run(["get", dataset.infoHash, "-o", stage.beside("again")])
    expect(without.stderr).not.toContain("where the time went")
  })

  it("is one line before the last with --json, whose numbers add up", async () => {
    await using stage = await Stage.open()
    const sources = { seeders: [{ rate: 1_000_000 }], webSeeds: [{ rate: 1_000_000 }] }
    const dataset = await stage.publish("one.bin", LENGTH, { create: CREATE, ...sources })
    const { stdout, stderr } = await stage.run(["get", dataset.infoHash, "--stats", "--json"])
    expect(stderr).toBe("")
    const lines = jsonLines(stdout)
    expect(lines.at(-1)).toMatchObject({ type: "done" })
    expect(lines.filter(({ type }) => type === "stats")).toHaveLength(1)
    const stats = lines.at(-2)!
    expect(stats["type"]).toBe("stats")
    const received = stats["received"] as Record<string, number>
    const wasted = stats["wasted"] as Record<string, number>
    const waits = stats["waits"] as Record<string, number>
    expect(received["fromPeers"]).toBeGreaterThan(0)
    expect(received["fromWebSeeds"]).toBeGreaterThan(0)
    expect(parts(received)).toBe(received["total"])
    expect(parts(wasted)).toBe(wasted["total"])
    expect(parts(waits)).toBeCloseTo(waits["total"]!)
    expect(received["total"]! - wasted["total"]!).toBe(LENGTH)
    const { pieces, store, hash, disk } = stats["commits"] as unknown as CommitStats
    expect(pieces).toBe(23)
    expect(store.bytes + hash.bytes).toBe(LENGTH)
    expect(store.bytes + disk.bytes).toBeGreaterThanOrEqual(LENGTH)
  })

  it("says what a repair fetched, and with --json before the report", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", LENGTH, { create: CREATE, seeders: [{}] })
    await stage.run(["get", dataset.infoHash])
    flipByte(stage.stored("one.bin"), PIECE + 1)
    const { stdout } = await stage.run(["verify", dataset.infoHash, "--repair", "--stats", "--json"])
    expect(jsonLines(stdout)).toMatchObject([{ type: "stats", received: { total: PIECE } }, { repaired: true }])
  })

  it("says what was given when giving is stopped", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", LENGTH, { create: CREATE, seeders: [{}] })
    await stage.run(["get", dataset.infoHash])
    const command = stage.start(["seed", dataset.infoHash, "--stats", "--port", "0"])
    await command.until("it gives", () => command.stderr.includes("until stopped"))
    command.signal("SIGINT")
    const { stderr } = await command.exits(130)
    expect(stderr).toMatch(/^where the time went: one\.bin$/m)
    expect(stderr).toMatch(/^ +uploaded +0 B$/m)
  })

  it("comes before the error when there is one", async () => {
    await using stage = await Stage.open({ announce: "none" })
    const dataset = await stage.publish("one.bin", LENGTH, { seeders: [], announced: false })
    const { stdout } = await stage.run(["get", dataset.infoHash, "--stats", "--json"], { exits: 4 })
    expect(jsonLines(stdout).slice(-2)).toMatchObject([{ type: "stats", received: { total: 0 } }, { type: "error" }])
  })
})
