import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { DiskThread } from "../../../src/node/disk-thread.js"
import { openVolume, volumesMissing } from "../cli/volume.js"

let folder: string

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "at-disk-thread-"))
})

afterEach(() => {
  fs.rmSync(folder, { recursive: true })
})

const file = (name: string) => ({
  path: join(folder, name),
  inode: undefined,
  position: 0,
  chunks: [Uint8Array.of(1, 2, 3)],
})
const built = new URL("../../../dist/node/disk-worker.cjs", import.meta.url)

describe("the thread for small files", () => {
  it("is not started for a few", async () => {
    const thread = new DiskThread(pathToFileURL(join(folder, "absent.js")), 2)
    const made = await thread.write([file("a"), file("b")])
    expect(made.map((stat) => stat?.size)).toEqual([3, 3])
  })

  it("answers lists in their order", async () => {
    const thread = new DiskThread(built, 0)
    const [made, named, again] = await Promise.all([
      thread.write([file("a"), file("b")]),
      thread.name([{ from: join(folder, "a"), to: join(folder, "c") }]),
      thread.write([file("b"), file("a")]),
    ])
    expect(made.map((stat) => stat?.kind)).toEqual(["file", "file"])
    expect(named).toEqual([true])
    expect(again.map((stat) => stat?.size)).toEqual([undefined, 3])
    await thread.close()
  })

  it("counts what it died with as not done, and does without it from then on", async () => {
    const script = join(folder, "worker.mjs")
    fs.writeFileSync(
      script,
      `import { parentPort } from "node:worker_threads"
      parentPort.on("message", () => process.exit(1))`,
    )
    const thread = new DiskThread(pathToFileURL(script), 0)
    const lost = await Promise.all([thread.write([file("a")]), thread.name([{ from: "x", to: "y" }])])
    expect(lost).toEqual([[undefined], [false]])
    expect((await thread.write([file("a")])).map((stat) => stat?.size)).toEqual([3])
    await thread.close()
  })

  it("leaves nothing of a file for which there was no room, and makes those that fit", async ({ skip }) => {
    const missing = volumesMissing()
    if (missing !== undefined) skip(`a small disk needs ${missing}`)
    await using volume = await openVolume(join(folder, "small"), "64k")
    const thread = new DiskThread(undefined, Number.POSITIVE_INFINITY)
    const large = { ...file("large"), path: volume.inside("large"), chunks: [new Uint8Array(100_000)] }
    const made = await thread.write([large, { ...file("a"), path: volume.inside("a") }])
    expect(made.map((stat) => stat?.size)).toEqual([undefined, 3])
    expect(fs.readdirSync(volume.inside())).toEqual(["a"])
  })

  it("works on the main thread once it is closed", async () => {
    const thread = new DiskThread(built, 0)
    await thread.write([file("a")])
    await thread.close()
    expect(await thread.name([{ from: join(folder, "a"), to: join(folder, "b") }])).toEqual([true])
    expect(fs.readdirSync(folder)).toEqual(["b"])
  })
})
