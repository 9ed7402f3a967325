import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { Stage } from "./stage.js"

describe("a command", () => {
  it("is ASCII all through, as its starter reads it", () => {
    for (const name of ["at-get", "academictorrents"]) {
      const source = readFileSync(new URL(`../../../dist/cli/${name}-program.js`, import.meta.url), "latin1")
      expect(/[^\0-\x7f]/.exec(source)?.[0]).toBeUndefined()
    }
  })
})

describe.skipIf(!existsSync("/proc/self"))("a command whose user has no cache folder", () => {
  it("ends all the same, where none can be made", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 100_000, { seeders: [{}] })
    // The system says ENOENT to who makes a folder there, though the one above is there.
    const { stdout } = await stage.run(["get", "-q", dataset.infoHash], { env: { XDG_CACHE_HOME: "/proc/none" } })
    expect(stdout).toBe(`${stage.stored("one.bin")}\n`)
  })
})

describe("a command that was run before", () => {
  it("starts from compiled code, and from its source when that is damaged", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 100_000, { seeders: [{}] })
    const torrent = stage.torrentFile(dataset)
    const kept = join(stage.home, ".cache/academictorrents/code")
    const read = (): Buffer => {
      const names = readdirSync(kept).filter((name) => name.startsWith("academictorrents-"))
      expect(names).toHaveLength(1)
      return readFileSync(join(kept, names[0]!))
    }
    const first = await stage.run(["info", "--json", torrent])
    const compiled = read()
    expect(await stage.run(["info", "--json", torrent])).toEqual(first)
    expect(read()).toEqual(compiled)

    writeFileSync(join(kept, readdirSync(kept)[0]!), compiled.fill(1, 100, 5000))
    expect(await stage.run(["info", "--json", torrent])).toEqual(first)
    expect(read()).not.toEqual(compiled)

    // Now more of it has run.
    const short = read()
    await stage.run(["get", "-q", dataset.infoHash])
    expect(read().length).toBeGreaterThan(short.length)
  })
})
