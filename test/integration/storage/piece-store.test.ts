import { linkSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest"
import { createPlatform } from "../../../src/node/platform.js"
import { PieceStore } from "../../../src/storage/piece-store.js"
import { verifyData } from "../../../src/storage/verify.js"
import { fill, sample, wrongClaims } from "../../unit/storage/fixture.js"

const platform = createPlatform()
let datastore = ""
beforeEach(() => {
  datastore = mkdtempSync(join(tmpdir(), "at-storage-"))
})
afterEach(() => rmSync(datastore, { recursive: true, force: true }))
afterAll(() => platform.close())

const open = (of: ReturnType<typeof sample>, verify: "auto" | "always" = "auto") =>
  PieceStore.open({ platform, metainfo: of.metainfo, datastore, verify })

const tree = sample({
  pieceLength: 16384,
  files: [
    { path: "data/a.bin", length: 1_000_000 },
    { path: "data/empty", length: 0 },
    { path: "b.bin", length: 77_777 },
  ],
})

describe("a piece store on this machine's disk", () => {
  it("keeps a dataset, returns to it at once, and repairs what was changed", async () => {
    const store = await open(tree)
    await fill(store, tree)
    expect(await wrongClaims(store, tree)).toEqual([])
    await store.close()
    const path = join(datastore, "dataset/data/a.bin")
    expect(Buffer.compare(readFileSync(path), tree.fileData(0))).toBe(0)
    const again = await open(tree)
    expect(again.have.complete).toBe(true)
    await again.close()
    const damaged = readFileSync(path)
    damaged[500_000]! ^= 1
    writeFileSync(path, damaged)
    const report = await verifyData({ platform, metainfo: tree.metainfo, datastore })
    expect(report.badPieces).toEqual([{ first: 30, count: 1 }])
    const repairing = await open(tree)
    expect(repairing.have.count).toBe(tree.layout.pieceCount - 1)
    await fill(repairing, tree)
    await repairing.flush()
    await repairing.close()
    expect(Buffer.compare(readFileSync(path), tree.fileData(0))).toBe(0)
  })

  it("finds a change that was hidden by the old time of the file when asked to verify", async () => {
    const store = await open(tree)
    await fill(store, tree)
    await store.close()
    const path = join(datastore, "dataset/b.bin")
    const { atimeMs, mtimeMs } = statSync(path)
    const damaged = readFileSync(path)
    damaged[5]! ^= 1
    writeFileSync(path, damaged)
    utimesSync(path, atimeMs / 1000, mtimeMs / 1000)
    const again = await open(tree, "always")
    expect(again.have.count).toBe(tree.layout.pieceCount - 1)
    await again.close()
  })

  it.each([
    ["repaired", "data/a.bin", (bytes: Buffer) => bytes.fill(1, 500_000, 600_000)],
    ["cut to its length", "b.bin", (bytes: Buffer) => Buffer.concat([bytes, Buffer.from("more")])],
    ["made empty", "data/empty", () => Buffer.from("notes")],
  ])("leaves a file alone under its other names when it is %s", async (_, path, change) => {
    const store = await open(tree)
    await fill(store, tree)
    await store.close()
    const here = join(datastore, "dataset", path)
    const right = readFileSync(here)
    const annotated = change(Buffer.from(right))
    const other = join(datastore, "annotated")
    writeFileSync(other, annotated)
    rmSync(here)
    linkSync(other, here)
    // As of a run that was killed.
    if (right.length > 0) writeFileSync(`${here}.part.copy-${statSync(other).ino}`, annotated.subarray(0, 1000))
    const options = { platform, metainfo: tree.metainfo, datastore, verify: "auto" as const, overwrite: true }
    const again = await PieceStore.open(options)
    await fill(again, tree)
    await again.close()
    expect(Buffer.compare(readFileSync(here), right)).toBe(0)
    expect(Buffer.compare(readFileSync(other), annotated)).toBe(0)
    expect(readdirSync(dirname(here)).filter((name) => name.includes(".part"))).toEqual([])
  })

  it("takes 3,000 small files, and opens them again with one look at each, and at each folder", async () => {
    const small = sample({
      pieceLength: 65536,
      files: Array.from({ length: 3000 }, (_, i) => ({ path: `d${i % 50}/f${i}`, length: 1 + ((i * 37) % 1500) })),
    })
    const store = await open(small)
    await fill(store, small)
    await store.close()
    const looks: string[] = []
    const counting = {
      ...platform,
      disk: new Proxy(platform.disk, {
        get(disk, name) {
          const value: unknown = Reflect.get(disk, name)
          if (typeof value !== "function") return value
          return (...args: unknown[]) => {
            if (String(args[0]).startsWith(`${datastore}/dataset`)) looks.push(String(name))
            return (value as (...all: unknown[]) => unknown).apply(disk, args)
          }
        },
      }),
    }
    const again = await PieceStore.open({ platform: counting, metainfo: small.metainfo, datastore, verify: "auto" })
    expect(again.have.complete).toBe(true)
    // Fifty folders, and the dataset's own.
    expect(looks.length).toBe(3051)
    expect(new Set(looks)).toEqual(new Set(["stat"]))
    await again.close()
  })
})
