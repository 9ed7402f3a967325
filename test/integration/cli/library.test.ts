import { createHash } from "node:crypto"
import { copyFileSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { build, type OutputOptions } from "rolldown"
import { describe, expect, it } from "vitest"
import { Stage, sameFile } from "./stage.js"

const FILES = { "README.md": 20, "data/one.csv": 400_000, "data/two.csv": 300_000 }
const CREATE = { pieceLength: 32_768 }

const scriptOf = (name: string): string => fileURLToPath(new URL(`programs/${name}.mjs`, import.meta.url))
const workerOf = (name: string): string => fileURLToPath(new URL(`../../../dist/node/${name}`, import.meta.url))

/** Runs a script that imports the package by its name, and returns what it printed; it must end by itself. */
async function runScript(stage: Stage, name: string, ...args: string[]): Promise<Record<string, unknown>> {
  return runFile(stage, scriptOf(name), ...args)
}

async function runFile(stage: Stage, script: string, ...args: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await stage.startProgram([process.execPath, script, ...args], { maxSeconds: 20 }).exits(0)
  return JSON.parse(stdout) as Record<string, unknown>
}

/** The switches of Node's permission model, as far as this Node has them: the network is forbidden, too, since Node 25. */
const FORBIDDEN = ["--permission", "--experimental-permission", "--allow-net"].filter((flag) =>
  process.allowedNodeEnvironmentFlags.has(flag),
)

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

describe("the library, in a process of its own", () => {
  it("gets a dataset, and the process ends by itself", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 300_000, { create: CREATE, seeders: [{}], webSeeds: [{}] })
    const { path, more, last } = await runScript(stage, "get", dataset.infoHash)
    expect(path).toBe(stage.stored("one.bin"))
    expect(more).toEqual([path, path, path])
    expect(last).toMatchObject({ doneBytes: 300_000, totalBytes: 300_000 })
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
    expect((await runScript(stage, "get", dataset.infoHash))["path"]).toBe(path)
    // Asked again, nobody was told: all was there.
    expect(stage.testbed.tracker.announces.map(({ event }) => event)).toEqual(["started", "completed", "stopped"])
  })

  it.for(["seeders", "webSeeds"])("reads, streams, tells progress and closes, with bytes from %s", async (source) => {
    await using stage = await Stage.open()
    const rate = 2_000_000
    const dataset = await stage.publish("study", FILES, { create: CREATE, [source]: [{ rate }] })
    const original = readFileSync(join(dataset.source, "data/one.csv"))
    const seen = await runScript(stage, "read", dataset.infoHash, "data/one.csv")
    expect(seen).toMatchObject({
      name: "study",
      infoHash: dataset.infoHash,
      length: 700_020,
      files: Object.entries(FILES),
      part: digest(original.subarray(70_000, 71_000)),
      beyond: 10,
      streamed: [199_000, digest(original.subarray(1000, 200_000))],
      downloaded: stage.stored("study"),
      late: "AT_ABORTED",
    })
    const states = seen["states"] as [string, boolean, number][]
    // The two loops end with it, one each. Whole pieces are counted.
    for (const last of states.slice(-2)) expect(last.slice(0, 2)).toEqual(["complete", true])
    expect(states.at(-1)![2]).toBeGreaterThanOrEqual(400_020)
    expect(sameFile(stage.stored("study/data/one.csv"), join(dataset.source, "data/one.csv"))).toBe(true)
    expect(readdirSync(stage.stored("study"), { recursive: true }).sort()).toEqual([
      "README.md",
      "data",
      "data/one.csv",
    ])
  })

  it("works in a bundle, and hashes in workers where their files are beside it", async () => {
    await using stage = await Stage.open()
    // More than is hashed without a worker in any case, and more files than are written without one.
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`${i}.txt`, 10]))
    const dataset = await stage.publish("study", { "big.bin": 4_000_000, ...many }, { webSeeds: [{}] })
    const bundle = async (format: "cjs" | "esm", workers: readonly string[]): Promise<Record<string, unknown>> => {
      const dir = join(stage.folder, `${format}${workers.length}`)
      const app = `app.${format === "cjs" ? "cjs" : "mjs"}`
      const output: OutputOptions = { dir, format, entryFileNames: app }
      // As esbuild has it in CommonJS.
      const define = format === "cjs" && workers.length === 0 ? { "import.meta.url": "undefined" } : {}
      await build({ input: scriptOf("bundled"), platform: "node", transform: { define }, output, logLevel: "silent" })
      for (const name of workers) copyFileSync(workerOf(name), join(dir, name))
      rmSync(stage.datastore, { recursive: true, force: true })
      return runFile(stage, join(dir, app), dataset.infoHash)
    }
    const path = stage.stored("study")
    const warned = expect.arrayContaining([expect.stringContaining("hash worker died")]) as unknown
    expect(await bundle("cjs", [])).toEqual({ path, warnings: warned })
    expect(await bundle("esm", [])).toEqual({ path, warnings: warned })
    const workers = ["hash-worker.cjs", "disk-worker.cjs"]
    expect(await bundle("cjs", workers)).toEqual({ path, warnings: [] })
    expect(await bundle("esm", workers)).toEqual({ path, warnings: [] })
    expect(sameFile(stage.stored("study/big.bin"), join(dataset.source, "big.bin"))).toBe(true)
  })

  it("works in another realm, as under Jest, where Node's errors are not instances of `Error`", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", { "big.bin": 4_000_000, "a.txt": 10 }, { seeders: [{}] })
    const line = [process.execPath, "--experimental-vm-modules", scriptOf("other-realm"), dataset.infoHash]
    const { stdout } = await stage.startProgram(line, { maxSeconds: 20 }).exits(0)
    const found = JSON.parse(stdout) as Record<string, unknown>
    expect(found).toMatchObject({ isOther: true, path: stage.stored("study"), code: "AT_NOT_FOUND" })
    expect(sameFile(stage.stored("study/big.bin"), join(dataset.source, "big.bin"))).toBe(true)
  })

  it("reads under Node's permission model what is complete, and says what it lacks to write", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { create: CREATE, seeders: [{}] })
    await runScript(stage, "get", dataset.infoHash)
    const args = [dataset.infoHash, "README.md", stage.beside("elsewhere")]
    const line = [process.execPath, ...FORBIDDEN, "--allow-fs-read=*", scriptOf("forbidden"), ...args]
    const { stdout } = await stage.startProgram(line, { maxSeconds: 20 }).exits(0)
    expect(JSON.parse(stdout)).toEqual({
      path: stage.stored("study"),
      text: readFileSync(join(dataset.source, "README.md"), "latin1"),
      code: "AT_DISK_IO",
      hint: expect.stringContaining("without its permission model") as unknown,
    })
  })

  it("rejects with an AtError each time", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 300_000)
    expect(await runScript(stage, "errors", dataset.infoHash)).toEqual({
      malformed: "AT_INVALID_INPUT",
      unknown: "AT_NOT_FOUND",
      aborted: "AT_ABORTED",
      "aborted before": "AT_ABORTED",
      stalled: "AT_STALLED",
      offline: "AT_NO_SOURCES",
      "no such file": "AT_INVALID_INPUT",
      "held twice": "AT_LOCKED",
    })
  })
})
