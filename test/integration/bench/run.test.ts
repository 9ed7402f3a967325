import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, expect, test } from "vitest"
import { describeWith, libtorrent } from "../../support/partners/index.js"
import { Program } from "../../support/program.js"

const RUN = fileURLToPath(new URL("../../../bench/run.mjs", import.meta.url))

interface Result {
  samples: Record<string, { seconds: number; cpu: number; rss: number; anon: number }[]>
  failures: Record<string, string>
}

describeWith("bench", [libtorrent], () => {
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "bench-test-"))
  })

  afterEach(() => rm(folder, { recursive: true, force: true }))

  const start = (...options: string[]): Program =>
    new Program(process.execPath, [RUN, "p7", "--warm-up", "0", "--no-history", "--dir", folder, ...options])

  test("times a client, says who failed and why, and leaves nothing behind", async () => {
    const build = join(folder, "liar/dist/cli")
    await mkdir(build, { recursive: true })
    // It ends well, and has written zeros.
    const program = 'fs.writeFileSync(process.argv[process.argv.indexOf("-o") + 1] + "/data", Buffer.alloc(2 ** 20))'
    await writeFile(join(build, "at-get.js"), `const fs = require("node:fs")\n${program}\n`)

    const run = start("--clients", "ours", "--ours", `liar=${join(folder, "liar")}`, "--runs", "2", "--json")
    expect(await run.exited, run.output).toBe(1)

    const line = run.output.split("\n").find((each) => each.startsWith('{"date"'))
    expect(line, run.output).toBeDefined()
    const { samples, failures } = JSON.parse(line!) as Result
    expect(Object.keys(failures)).toEqual(["ours:liar"])
    expect(failures["ours:liar"]).toMatch(/wrong bytes/)
    expect(samples["ours"]).toHaveLength(2)
    for (const sample of samples["ours"]!) {
      for (const figure of [sample.seconds, sample.cpu, sample.rss, sample.anon]) expect(figure).toBeGreaterThan(0)
      expect(sample.rss).toBeGreaterThan(sample.anon)
    }
    expect(await readdir(folder)).toEqual(["liar"])
  })

  test("when it is stopped, ends what it started and removes its folder", async () => {
    const run = start("--clients", "ours", "--runs", "1000")
    await run.until(/p7 ours/)
    expect(await readdir(folder)).toHaveLength(1)
    process.kill(run.pid, "SIGTERM")
    expect(await run.exited).toBe(143)
    expect(await readdir(folder)).toEqual([])
  })

  test("says what is wrong with its use", async () => {
    const run = start("p99")
    expect(await run.exited).toBe(2)
    expect(run.output).toContain('no job "p99"')
  })
})
