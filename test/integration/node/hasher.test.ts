import { createHash } from "node:crypto"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterEach, describe, expect, it } from "vitest"
import { NodeDisk } from "../../../src/node/disk.js"
import { NodeHasher, type NodeHasherOptions } from "../../../src/node/hasher.js"
import type { FileHandle } from "../../../src/ports/disk.js"
import type { FilePart, FullPiece, HashAlgorithm } from "../../../src/ports/hasher.js"
import { openVolume, volumesMissing } from "../cli/volume.js"

/** Workers are plain JavaScript files: the built one. */
const workerUrl = new URL("../../../dist/node/hash-worker.cjs", import.meta.url)
if (!existsSync(workerUrl)) throw new Error("dist/ is absent: run `npm run build` first")

const cleanUps: Array<() => unknown> = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

function makeHasher(options: NodeHasherOptions = {}): { hasher: NodeHasher; warnings: string[] } {
  const warnings: string[] = []
  const log = { log: (_level: string, _scope: string, message: string) => void warnings.push(message) }
  const hasher = new NodeHasher({ workerUrl, bytesBeforeWorkers: 0, log, ...options })
  cleanUps.push(() => hasher.close())
  return { hasher, warnings }
}

function sharedBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(new SharedArrayBuffer(length))
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8)) & 0xff
  return bytes
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "at-hash-"))
  cleanUps.push(() => rmSync(folder, { recursive: true }))
  return folder
}

/** A worker that dies of a message of that type. */
function dyingWorker(type: "hash" | "files" | "store"): URL {
  const script = join(temporaryFolder(), "worker.mjs")
  writeFileSync(
    script,
    `import { parentPort } from "node:worker_threads"
     parentPort.on("message", ({ type }) => { if (type === "${type}") throw new Error("no more") })`,
  )
  return pathToFileURL(script)
}

/** Bytes that lie in two files with padding between them, and where spans of them stand. */
function dataFile(length: number): { data: Uint8Array; partsOf: (from: number, length: number) => FilePart[] } {
  const folder = temporaryFolder()
  const data = sharedBytes(length)
  const [first, second] = [Math.floor(length / 2), Math.floor(length / 2) + Math.floor(length / 10)]
  data.fill(0, first, second)
  const lie = [
    { path: join(folder, "first"), start: 0, end: first },
    { path: undefined, start: first, end: second },
    { path: join(folder, "second"), start: second, end: length },
  ]
  for (const { path, start, end } of lie) if (path !== undefined) writeFileSync(path, data.subarray(start, end))
  const partsOf = (from: number, count: number): FilePart[] =>
    lie
      .map(({ path, start, end }) => {
        const position = Math.max(from, start)
        return { path, position: position - start, length: Math.min(from + count, end) - position }
      })
      .filter((part) => part.length > 0)
  return { data, partsOf }
}

/** Node's other way to hash, which takes no part in the code under test. */
const expected = (algorithm: HashAlgorithm, data: Uint8Array): Uint8Array =>
  new Uint8Array(createHash(algorithm).update(data).digest())

describe("hasher on Node", () => {
  it.each([1, 2, 5])(
    "gives each piece its own digest, whatever batches they travel in (%i workers)",
    async (workers) => {
      const { hasher, warnings } = makeHasher({ workers })
      const memories = [sharedBytes(3_000_000), sharedBytes(100_000)]
      const pieces: Array<{ algorithm: HashAlgorithm; data: Uint8Array }> = []
      for (let i = 0; i < 3000; i++) {
        const memory = memories[i % 2]!
        const length = i % 100 === 0 ? 90_000 : (i * 37) % 700
        const offset = (i * 991) % (memory.length - length)
        pieces.push({ algorithm: i % 7 < 2 ? "sha256" : "sha1", data: memory.subarray(offset, offset + length) })
      }
      pieces.push({ algorithm: "sha1", data: memories[0]! })
      const digests = await Promise.all(pieces.map(({ algorithm, data }) => hasher.hashPiece(algorithm, data)))
      for (const [i, { algorithm, data }] of pieces.entries()) expect(digests[i]).toEqual(expected(algorithm, data))
      expect(warnings).toEqual([])
    },
  )

  it("sees what is in the memory when it is asked, piece after piece", async () => {
    const { hasher } = makeHasher()
    const memory = sharedBytes(1000)
    for (let round = 0; round < 5; round++) {
      memory.fill(round)
      expect(await hasher.hashPiece("sha1", memory)).toEqual(expected("sha1", memory))
    }
  })

  it("hashes small things at once, and a small dataset without any worker", async () => {
    const { hasher, warnings } = makeHasher({ bytesBeforeWorkers: 2000, workerUrl: new URL("file:///absent.js") })
    const data = sharedBytes(1000)
    expect(hasher.digest("sha256", data)).toEqual(expected("sha256", data))
    expect(await hasher.hashPiece("sha1", data)).toEqual(expected("sha1", data))
    expect(await hasher.hashPiece("sha1", data)).toEqual(expected("sha1", data))
    expect(warnings).toEqual([])
  })

  it("reads files in its workers, and leaves a small dataset to who asks", async () => {
    const { data, partsOf } = dataFile(5_000_000)
    const { hasher, warnings } = makeHasher({ workers: 2 })
    for (const pieceLength of [16_384, 100_000, 700_000]) {
      const spans = Array.from({ length: 20 }, (_, i) => ({ from: i * 200_000, length: 900_000 }))
      const answers = await Promise.all(
        spans.map(({ from, length }) => hasher.hashFiles("sha1", partsOf(from, length), pieceLength)),
      )
      for (const [i, { from, length }] of spans.entries()) {
        const pieces: Uint8Array[] = []
        for (let at = from; at < from + length; at += pieceLength) {
          pieces.push(expected("sha1", data.subarray(at, Math.min(at + pieceLength, from + length))))
        }
        expect(answers[i]).toEqual(new Uint8Array(Buffer.concat(pieces)))
      }
    }
    expect(warnings).toEqual([])
    const small = makeHasher({ bytesBeforeWorkers: 1000, workerUrl: new URL("file:///absent.js") })
    expect(await small.hasher.hashFiles("sha1", partsOf(0, 1000), 100)).toBe(undefined)
    expect(small.warnings).toEqual([])
  })

  it("reads no more files, and says so, when a worker that did died", async () => {
    const { partsOf } = dataFile(5000)
    const { hasher, warnings } = makeHasher({ workerUrl: dyingWorker("files"), workers: 1 })
    const asked = [1, 2, 3].map(() => hasher.hashFiles("sha1", partsOf(0, 5000), 1000))
    expect(await Promise.all(asked)).toEqual([undefined, undefined, undefined])
    expect(await hasher.hashFiles("sha1", partsOf(0, 5000), 1000)).toBe(undefined)
    expect(warnings).toEqual([expect.stringContaining("no more")])
  })

  it("goes on, and says so, when its workers die", async () => {
    const { hasher, warnings } = makeHasher({ workerUrl: dyingWorker("hash") })
    const data = sharedBytes(3_000_000)
    for (let i = 0; i < 5; i++) {
      const pieces = [data, data.subarray(0, 100), data.subarray(0, 2_000_000)]
      const digests = await Promise.all(pieces.map((piece) => hasher.hashPiece("sha1", piece)))
      expect(digests).toEqual(pieces.map((piece) => expected("sha1", piece)))
    }
    expect(warnings.length).toBeGreaterThanOrEqual(3)
    expect(warnings[0]).toContain("no more")
    expect(warnings.at(-1)).toContain("without workers")
  })

  it("writes pieces where they were hashed, and says what it could not write", async () => {
    const { hasher } = makeHasher({ workers: 1 })
    const disk = new NodeDisk()
    const path = join(temporaryFolder(), "data")
    const [good, full] = [await disk.open(path, "create-new"), await disk.open("/dev/full", "write")]
    const data = sharedBytes(40_000)
    const piece = (file: FileHandle, from: number): FullPiece => {
      const bytes = data.subarray(from, from + 20_000)
      return { bytes, digest: expected("sha1", bytes), targets: [{ file, position: from, bytes }] }
    }
    const { fates } = await hasher.storePieces("sha1", [piece(good, 20_000), piece(full, 0), piece(good, 0)])
    expect(fates).toEqual(["written", "right", "written"])
    expect(new Uint8Array(readFileSync(path))).toEqual(new Uint8Array(data))
    await good.close()
    await full.close()
  })

  it("does not count as written what a full disk took a part of", async ({ skip }) => {
    const missing = volumesMissing()
    if (missing !== undefined) skip(`a small disk needs ${missing}`)
    await using volume = await openVolume(join(temporaryFolder(), "small"), "64k")
    const { hasher } = makeHasher({ workers: 1 })
    const file = await new NodeDisk().open(volume.inside("data"), "create-new")
    const data = sharedBytes(120_000)
    // Neighbours, which are written together: the first would fit, and half of the second.
    const pieces = [0, 40_000, 80_000].map((position): FullPiece => {
      const bytes = data.subarray(position, position + 40_000)
      return { bytes, digest: expected("sha1", bytes), targets: [{ file, position, bytes }] }
    })
    expect((await hasher.storePieces("sha1", pieces)).fates).toEqual(["right", "right", "right"])
    await file.close()
  })

  it("mixes up no answers after it was asked to write to a file that is none of this disk", async () => {
    const { hasher } = makeHasher({ workers: 1 })
    const data = sharedBytes(10_000)
    const file = {} as FileHandle
    const foreign = { bytes: data, digest: expected("sha1", data), targets: [{ file, position: 0, bytes: data }] }
    await expect(hasher.storePieces("sha1", [foreign])).rejects.toThrow("no file of this disk")
    const half = data.subarray(0, 5000)
    const digests = await Promise.all([hasher.hashPiece("sha1", data), hasher.hashPiece("sha1", half)])
    expect(digests).toEqual([expected("sha1", data), expected("sha1", half)])
  })

  it("writes nothing when its worker dies, and says what is right", async () => {
    const { hasher, warnings } = makeHasher({ workerUrl: dyingWorker("store"), workers: 1 })
    const path = join(temporaryFolder(), "data")
    const file = await new NodeDisk().open(path, "create-new")
    const data = sharedBytes(10_000)
    const targets = [{ file, position: 0, bytes: data }]
    const right = { bytes: data, digest: expected("sha1", data), targets }
    const wrong = { bytes: data, digest: expected("sha1", new Uint8Array(0)), targets }
    expect((await hasher.storePieces("sha1", [right, wrong])).fates).toEqual(["right", "wrong"])
    expect(readFileSync(path)).toHaveLength(0)
    expect(warnings).toEqual([expect.stringContaining("no more")])
    await file.close()
  })

  it("rejects what is not done when it is closed, and all that comes later", async () => {
    const { hasher } = makeHasher({ workers: 1 })
    const data = sharedBytes(8_000_000)
    const pending = Array.from({ length: 20 }, () => hasher.hashPiece("sha1", data))
    const settled = Promise.allSettled(pending)
    await hasher.close()
    expect((await settled).map(({ status }) => status)).toContain("rejected")
    await expect(hasher.hashPiece("sha1", data)).rejects.toThrow("closed")
    await hasher.close()
  })
})
