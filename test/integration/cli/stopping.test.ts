import { randomInt } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, it } from "vitest"
import { type Original, Stage, sameFile, servedSince, wholePieces } from "./stage.js"

const CREATE = { pieceLength: 65_536 }
const LENGTH = 6_000_000
const RATE = 3_000_000

function slow(stage: Stage, length = LENGTH): Promise<Original> {
  return stage.publish("one.bin", length, { create: CREATE, seeders: [{ rate: RATE }] })
}

/** Pieces that are right on disk, wherever the file is by now. */
function storedPieces(stage: Stage, dataset: Original): number[] {
  const path = existsSync(stage.stored("one.bin")) ? "one.bin" : "one.bin.part"
  return wholePieces(stage.stored(path), dataset)
}

describe("kill -9", () => {
  it("at twenty random moments harms nothing, and no piece that was stored is fetched twice", async () => {
    await using stage = await Stage.open()
    // More than twenty starts of half a second can bring.
    const dataset = await slow(stage, 4 * LENGTH)
    const seeder = dataset.seeders[0]!
    for (let killed = 0; killed < 20; killed++) {
      const stored = storedPieces(stage, dataset)
      const before = seeder.blocksServed.slice()
      const from = seeder.bytesServed
      const command = stage.start(["get", dataset.infoHash])
      // Some die while they look at what is there, most while something arrives.
      const bytes = randomInt(LENGTH / 12)
      const moment = sleep(killed % 4 === 0 ? randomInt(400) : 60_000, undefined, { ref: false }).then(() => "moment")
      const arrived = command
        .until("enough has arrived", () => seeder.bytesServed - from >= bytes)
        .then(
          () => "arrived",
          () => "ended",
        )
      await Promise.race([moment, arrived])
      command.signal("SIGKILL")
      await command.exits(137)
      expect([killed, stored.filter((piece) => servedSince(dataset, before, piece))]).toEqual([killed, []])
    }
    const stored = storedPieces(stage, dataset)
    const before = seeder.blocksServed.slice()
    expect(stored.length).toBeGreaterThan(0)
    seeder.rate = Number.POSITIVE_INFINITY
    await stage.run(["get", dataset.infoHash])
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
    expect(stored.filter((piece) => servedSince(dataset, before, piece))).toEqual([])
    // And what was killed so often is as good as any other: nothing more to do.
    const served = seeder.bytesServed
    await stage.run(["get", dataset.infoHash])
    expect(seeder.bytesServed).toBe(served)
  })
})

describe("a reader of standard output that goes away", () => {
  it("ends the command in order, and the same command goes on", async () => {
    await using stage = await Stage.open()
    const dataset = await slow(stage)
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
    const through = ["bash", "-c", '"$@" | head -1; exit "${PIPESTATUS[0]}"', "bash"]
    const { code, stdout, stderr } = await stage.start(["get", dataset.infoHash, "--json"], { through }).ended
    expect({ code, stderr }).toEqual({ code: 141, stderr: "" })
    expect(JSON.parse(stdout)).toMatchObject({ type: "progress" })
    dataset.seeders[0]!.rate = Number.POSITIVE_INFINITY
    await stage.run(["get", dataset.infoHash])
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
  })

  it("is 141 at the last line, too, and nothing is said", async () => {
    await using stage = await Stage.open()
    const { infoHash } = await stage.publish("one.bin", 50_000, { seeders: [{}] })
    await stage.run(["get", infoHash])
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
    const through = ["bash", "-c", '"$@" | true; exit "${PIPESTATUS[0]}"', "bash"]
    const { code, stderr } = await stage.start(["get", infoHash, "--verify"], { through }).ended
    expect({ code, stderr }).toEqual({
      code: 141,
      stderr: expect.stringMatching(/^\S+ \S+ were on disk already.*\n$/) as string,
    })
  })
})

describe.skipIf(!existsSync("/dev/full"))("a standard output on a full disk", () => {
  it.for([[], ["--json"]])("is 6, and said (%s)", async (options) => {
    await using stage = await Stage.open()
    const { infoHash } = await stage.publish("one.bin", 50_000, { seeders: [{}] })
    const through = ["sh", "-c", '"$@" > /dev/full', "sh"]
    const { stderr } = await stage.run(["get", infoHash, ...options], { exits: 6, through })
    expect(stderr).toMatch(/error: can't write to standard output: no space left on device/)
  })
})

describe("a signal in the middle", () => {
  it.for([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s ends with %d, says goodbye, and the same command goes on", async ([signal, code]) => {
    await using stage = await Stage.open()
    const dataset = await slow(stage)
    const seeder = dataset.seeders[0]!
    const command = stage.start(["get", dataset.infoHash])
    await command.until("a third has arrived", () => seeder.bytesServed > LENGTH / 3)
    const signalled = performance.now()
    command.signal(signal)
    const { stdout, stderr } = await command.exits(code)
    expect(performance.now() - signalled).toBeLessThan(6000)
    expect(stdout).toBe("")
    expect(stderr).toMatch(/stopping: saving what has arrived/)
    expect(stderr).toMatch(/^stopped; run the same command again to continue$/m)
    expect(stderr).not.toContain("error:")
    const { announces } = stage.testbed.tracker
    expect(announces.map(({ event }) => event)).toEqual(["started", "stopped"])
    expect(announces[1]!.left).toBeLessThan(LENGTH)

    const stored = storedPieces(stage, dataset)
    const before = seeder.blocksServed.slice()
    expect(stored.length).toBeGreaterThan(LENGTH / 3 / 65_536 / 2)
    seeder.rate = Number.POSITIVE_INFINITY
    await stage.run(["get", dataset.infoHash])
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
    expect(stored.filter((piece) => servedSince(dataset, before, piece))).toEqual([])
  })

  it("ends --json with an error object", async () => {
    await using stage = await Stage.open()
    const dataset = await slow(stage)
    const command = stage.start(["get", dataset.infoHash, "--json"])
    await command.until("something has arrived", () => dataset.seeders[0]!.bytesServed > 0)
    command.signal("SIGINT")
    const { stdout } = await command.exits(130)
    expect(JSON.parse(stdout.trimEnd().split("\n").at(-1)!)).toMatchObject({
      type: "error",
      code: "AT_ABORTED",
      message: "stopped",
      hint: "run the same command again to continue",
    })
  })

  it("ends a get that is still waiting for its metadata", async () => {
    await using stage = await Stage.open({ site: { fault: () => ({ kind: "silent" }) } })
    const command = stage.start(["get", "00112233445566778899aabbccddeeff00112233"])
    await command.until("the site was asked", () => stage.testbed.site.requests.length > 0)
    command.signal("SIGINT")
    await command.exits(130)
  })

  it("ends within six seconds even when the tracker is silent", async () => {
    await using stage = await Stage.open()
    const dataset = await slow(stage)
    const command = stage.start(["get", dataset.infoHash])
    await command.until("something has arrived", () => dataset.seeders[0]!.bytesServed > 0)
    stage.testbed.tracker.knobs.answer = "silent"
    const signalled = performance.now()
    command.signal("SIGTERM")
    await command.exits(143)
    expect(performance.now() - signalled).toBeLessThan(6500)
  })

  it("is obeyed at once the second time", async () => {
    await using stage = await Stage.open()
    const dataset = await slow(stage)
    const command = stage.start(["get", dataset.infoHash])
    await command.until("something has arrived", () => dataset.seeders[0]!.bytesServed > 0)
    stage.testbed.tracker.knobs.answer = "silent"
    command.signal("SIGINT")
    await stage.announced(command, "stopped")
    const signalled = performance.now()
    command.signal("SIGINT")
    await command.exits(130)
    // The goodbye would have been waited for much longer.
    expect(performance.now() - signalled).toBeLessThan(2500)
    stage.testbed.tracker.knobs.answer = "peers"
    dataset.seeders[0]!.rate = Number.POSITIVE_INFINITY
    await stage.run(["get", dataset.infoHash])
    expect(readFileSync(stage.stored("one.bin")).length).toBe(LENGTH)
  })

  it("that comes twice at a time, as timeout(1) sends it, is one", async () => {
    await using stage = await Stage.open()
    const dataset = await slow(stage)
    const command = stage.start(["get", dataset.infoHash])
    await command.until("something has arrived", () => dataset.seeders[0]!.bytesServed > 0)
    command.signal("SIGINT")
    await command.until("it heard of it", () => command.stderr.includes("stopping"))
    command.signal("SIGTERM")
    const { stderr } = await command.exits(130)
    expect(stderr).toMatch(/^stopped; run the same command again to continue$/m)
    expect(stage.testbed.tracker.announces.map(({ event }) => event)).toEqual(["started", "stopped"])
  })

  it("ends giving with 130 and 143, goodbye said", async () => {
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const) {
      await using stage = await Stage.open()
      const dataset = await stage.publish("one.bin", 100_000, { seeders: [{}] })
      const command = stage.start(["get", dataset.infoHash, "--seed"])
      await stage.announced(command, "completed")
      command.signal(signal)
      await command.exits(code)
      expect(stage.testbed.tracker.announces.at(-1)!.event).toBe("stopped")
      expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
    }
  })
})
