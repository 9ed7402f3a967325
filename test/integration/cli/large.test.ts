import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { Stage } from "./stage.js"

const SCRIPT = fileURLToPath(new URL("programs/get-memory.mjs", import.meta.url))
/** MiB: Node itself, 32 MiB of slots, and books; a copy of the data, or a leak for each file or piece, would not fit. */
const MOST_MEMORY = 400

/** Gets a dataset in a process of its own; the most MiB it held. */
async function peakOf(stage: Stage, infoHash: string): Promise<number> {
  const command = stage.startProgram([process.execPath, SCRIPT, infoHash], { maxSeconds: 120 })
  const { peak } = JSON.parse((await command.exits(0)).stdout) as { peak: number }
  return peak
}

describe("a large dataset", () => {
  it("of 20,000 small files arrives whole, in bounded memory", async () => {
    await using stage = await Stage.open()
    const files = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, i) => [`${i % 100}/${i}.bin`, 500 + ((i * 7919) % 5000)]),
    )
    const dataset = await stage.publish("many", files, {
      create: { pieceLength: 262_144 },
      seeders: [{}],
      webSeeds: [{}],
    })
    expect(await peakOf(stage, dataset.infoHash)).toBeLessThan(MOST_MEMORY)
    const compared = spawnSync("diff", ["-rq", dataset.source, stage.stored("many")], { encoding: "utf8" })
    expect(compared.stdout).toBe("")
    expect(compared.status).toBe(0)
  }, 240_000)

  it("of 32,768 pieces arrives whole, in bounded memory", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("fine.bin", 512 * 2 ** 20, { create: { pieceLength: 16_384 }, webSeeds: [{}] })
    expect(await peakOf(stage, dataset.infoHash)).toBeLessThan(MOST_MEMORY)
    expect(spawnSync("cmp", [dataset.source, stage.stored("fine.bin")]).status).toBe(0)
  }, 240_000)
})
