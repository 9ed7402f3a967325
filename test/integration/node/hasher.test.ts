import { createHash } from "node:crypto"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterEach, describe, expect, it } from "vitest"
import { NodeHasher, type NodeHasherOptions } from "../../../src/node/hasher.js"
import type { FilePart, HashAlgorithm } from "../../../src/ports/hasher.js"

/** Workers are plain JavaScript files: the built one. */
const workerUrl = new URL("../../../dist/node/hash-worker.js", import.meta.url)
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
function dyingWorker(type: "hash" | "files"): URL {
  const script = join(temporaryFolder(), "worker.mjs")
  writeFileSync(
    script,
    `import { parentPort } from "node:worker_threads"
     parentPort.on("message", ({ type }) => { if (type === "${type}") throw new Error("no more") })`,
  )
  return pathToFileURL(script)
}

/** A file, and where spans of it stand. */
function dataFile(length: number): { data: Uint8Array; partsOf: (position: number, length: number) => FilePart[] } {
  const path = join(temporaryFolder(), "data")
  const data = sharedBytes(length)
  writeFileSync(path, data)
  return { data, partsOf: (position, count) => [{ path, position, length: count }] }
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

  it("reads files in its workers, which share the work, and leaves a small dataset to who asks", async () => {
    const { data, partsOf } = dataFile(5_000_000)
    const { hasher, warnings } = makeHasher({ workers: 2 })
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => hasher.hashFiles("sha1", partsOf(i * 250_000, 250_000), 100_000)),
    )
    for (const [i, answer] of answers.entries()) {
      const pieces = [0, 100_000, 200_000].map((at) =>
        expected("sha1", data.subarray(i * 250_000 + at, i * 250_000 + Math.min(at + 100_000, 250_000))),
      )
      expect(answer).toEqual(new Uint8Array(Buffer.concat(pieces)))
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
