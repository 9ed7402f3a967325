import { createHash } from "node:crypto"
import { describe, expect } from "vitest"
import type { Disk } from "../../src/ports/disk.js"
import type { FilePart, FullPiece, HashAlgorithm, Hasher, WriteTarget } from "../../src/ports/hasher.js"
import { naiveLowestRoot } from "../support/naive-merkle.js"
import { holds, type MakeStage } from "./stage.js"

const ALGORITHMS: readonly HashAlgorithm[] = ["sha1", "sha256", "merkle"]
/** FIPS 180-4's example messages; a tree of one leaf is its hash. */
const OF_ABC = {
  sha1: "a9993e364706816aba3e25717850c26c9cd0d89d",
  sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  merkle: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex")
}

function expected(algorithm: HashAlgorithm, data: Uint8Array): string {
  if (algorithm === "merkle") return hex(naiveLowestRoot(data))
  return createHash(algorithm).update(data).digest("hex")
}

/** Bytes in shared memory, different for each `seed`. */
function sharedPiece(length: number, seed: number): Uint8Array {
  const piece = new Uint8Array(new SharedArrayBuffer(length))
  for (let i = 0; i < length; i++) piece[i] = (i * 31 + (i >> 8) * 7 + seed * 13) & 0xff
  return piece
}

/** `root` is an empty folder of the disk whose files the hasher reads. */
export interface HasherSubject {
  readonly hasher: Hasher
  readonly disk: Disk
  readonly root: string
  link(path: string, target: string): void
}

async function putFile(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const handle = await disk.open(path, "create-new")
  await handle.write([bytes], 0)
  await handle.close()
}

/** What `src/ports/hasher.ts` promises. The stage ends the hasher. */
export function describeHasherCompliance(name: string, make: MakeStage<HasherSubject>): void {
  describe(`hasher of ${name}`, () => {
    holds("digests small things at once", make, async ({ hasher }) => {
      for (const algorithm of ALGORITHMS) {
        expect(hex(hasher.digest(algorithm, new TextEncoder().encode("abc")))).toBe(OF_ABC[algorithm])
        if (algorithm === "merkle") continue
        expect(hex(hasher.digest(algorithm, new Uint8Array(0)))).toBe(expected(algorithm, new Uint8Array(0)))
      }
    })

    holds("digests pieces of all lengths", make, async ({ hasher }) => {
      for (const length of [1, 63, 64, 65, 16_384, 262_144, 1_000_003]) {
        const piece = sharedPiece(length, length)
        for (const algorithm of ALGORITHMS) {
          expect(hex(await hasher.hashPiece(algorithm, piece))).toBe(expected(algorithm, piece))
        }
      }
    })

    holds("digests just the view of a shared memory that holds more", make, async ({ hasher }) => {
      const slots = sharedPiece(100_000, 5)
      const pieces = [0, 1, 10_001, 60_000].map((at) => slots.subarray(at, at + 30_000))
      const digests = await Promise.all(pieces.map((piece) => hasher.hashPiece("sha1", piece)))
      expect(digests.map(hex)).toEqual(pieces.map((piece) => expected("sha1", piece)))
    })

    holds("digests several pieces at once, in their order", make, async ({ hasher }) => {
      const pieces = Array.from({ length: 40 }, (_, seed) => sharedPiece(1 + seed * 1000, seed))
      for (const algorithm of ALGORITHMS) {
        const digests = await hasher.hashPieces(algorithm, pieces)
        expect(hex(digests)).toBe(pieces.map((piece) => expected(algorithm, piece)).join(""))
      }
    })

    holds("gives each of many concurrent pieces its own digest", make, async ({ hasher }) => {
      const pieces = Array.from({ length: 200 }, (_, seed) => sharedPiece(1000 + seed * 100, seed))
      const digests = await Promise.all(pieces.map((piece, i) => hasher.hashPiece(ALGORITHMS[i % 3]!, piece)))
      expect(digests.map(hex)).toEqual(pieces.map((piece, i) => expected(ALGORITHMS[i % 3]!, piece)))
    })

    holds(
      "digests pieces that lie in files and padding, or says that it can't",
      make,
      async ({ hasher, disk, root }) => {
        const files = [700_000, 1, 300_000, 16_384].map((length, seed) => sharedPiece(length, seed))
        for (const [i, bytes] of files.entries()) await putFile(disk, `${root}/${i}`, bytes)
        const parts: FilePart[] = [
          { path: `${root}/0`, position: 1000, length: 650_000 },
          { path: `${root}/1`, position: 0, length: 1 },
          { path: undefined, position: 0, length: 20_000 },
          { path: `${root}/2`, position: 0, length: 300_000 },
          { path: `${root}/3`, position: 384, length: 16_000 },
        ]
        const bytesOf = ({ path, position, length }: FilePart): Uint8Array =>
          path === undefined
            ? new Uint8Array(length)
            : files[Number(path.slice(root.length + 1))]!.slice(position, position + length)
        const together = [Buffer.concat(parts.map(bytesOf))]
        const apart = parts.filter(({ path }) => path !== undefined).map(bytesOf)
        for (const pieceLength of [16_384, 50_000, 262_144, 400_000, 524_288, 2_000_000]) {
          for (const algorithm of ALGORITHMS) {
            if (algorithm === "merkle" && pieceLength % 16_384 > 0) continue
            const digests = await hasher.hashFiles(algorithm, parts, pieceLength)
            if (digests === undefined) continue
            const pieces: string[] = []
            for (const data of algorithm === "merkle" ? apart : together) {
              for (let at = 0; at < data.length; at += pieceLength) {
                pieces.push(expected(algorithm, data.subarray(at, at + pieceLength)))
              }
            }
            expect(hex(digests)).toBe(pieces.join(""))
          }
        }
      },
    )

    holds("gives no digests of a file that is gone, too short, a folder or a link", make, async (subject) => {
      const { hasher, disk, root, link } = subject
      await putFile(disk, `${root}/short`, sharedPiece(999, 1))
      await disk.makeDirectory(`${root}/folder`)
      link(`${root}/link`, `${root}/short`)
      const whole = { path: `${root}/short`, position: 0, length: 500 }
      for (const [name, position] of [
        ["absent", 0],
        ["short", 1],
        ["short", 5000],
        ["folder", 0],
        ["link", 0],
      ] as const) {
        const parts = [whole, { path: `${root}/${name}`, position, length: 999 }]
        expect(await hasher.hashFiles("sha1", parts, 1000)).toBe(undefined)
      }
    })

    holds(
      "writes the pieces that are right, and touches nothing for the others",
      make,
      async ({ hasher, disk, root }) => {
        await putFile(disk, `${root}/a`, new Uint8Array(90_000).fill(7))
        await putFile(disk, `${root}/b`, new Uint8Array(0))
        const [a, b] = [await disk.open(`${root}/a`, "write"), await disk.open(`${root}/b`, "write")]
        const slots = Array.from({ length: 5 }, (_, seed) => sharedPiece(20_000, seed))
        const [first, second, third, wrong, padded] = slots as [
          Uint8Array,
          Uint8Array,
          Uint8Array,
          Uint8Array,
          Uint8Array,
        ]
        const full = (
          bytes: Uint8Array,
          targets: readonly WriteTarget[],
          digest = hasher.digest("sha1", bytes),
        ): FullPiece => ({
          bytes,
          digest,
          targets,
        })
        const pieces = [
          full(third, [{ file: a, position: 40_000, bytes: third }]),
          full(wrong, [{ file: a, position: 60_000, bytes: wrong }], hasher.digest("sha1", first)),
          full(second, [
            { file: a, position: 20_000, bytes: second.subarray(0, 5000) },
            { file: b, position: 0, bytes: second.subarray(5000) },
          ]),
          full(first, [{ file: a, position: 0, bytes: first }]),
          // Padding between its bytes.
          full(padded, [
            { file: b, position: 15_000, bytes: padded.subarray(0, 1000) },
            { file: b, position: 16_000, bytes: padded.subarray(12_000) },
          ]),
        ]
        const { fates, hashing, writing } = await hasher.storePieces("sha1", pieces)
        expect(fates.map((fate) => fate === "wrong")).toEqual([false, true, false, false, false])
        expect(hashing).toBeGreaterThanOrEqual(0)
        expect(writing).toBeGreaterThanOrEqual(0)
        for (const [i, fate] of fates.entries()) {
          if (fate === "right")
            for (const { file, position, bytes } of pieces[i]!.targets) await file.write([bytes], position)
        }
        const wanted = Buffer.concat([
          first,
          second.subarray(0, 5000),
          Buffer.alloc(15_000, 7),
          third,
          Buffer.alloc(30_000, 7),
        ])
        const found = new Uint8Array(100_000)
        expect(hex(found.subarray(0, await a.read(found, 0)))).toBe(hex(wanted))
        const inB = Buffer.concat([second.subarray(5000), padded.subarray(0, 1000), padded.subarray(12_000)])
        expect(hex(found.subarray(0, await b.read(found, 0)))).toBe(hex(inB))
        await a.close()
        await b.close()
      },
    )

    holds("settles every piece when it is closed, and takes none afterwards", make, async ({ hasher }) => {
      const pieces = Array.from({ length: 50 }, (_, seed) => sharedPiece(50_000, seed))
      const settled = Promise.allSettled(pieces.map((piece) => hasher.hashPiece("sha256", piece)))
      await hasher.close()
      for (const [i, outcome] of (await settled).entries()) {
        if (outcome.status === "fulfilled") expect(hex(outcome.value)).toBe(expected("sha256", pieces[i]!))
        else expect(outcome.reason).toBeInstanceOf(Error)
      }
      await expect(hasher.hashPiece("sha1", sharedPiece(10, 1))).rejects.toThrow("closed")
      await expect(hasher.hashFiles("sha1", [], 1000)).rejects.toThrow("closed")
      await expect(hasher.storePieces("sha1", [])).rejects.toThrow("closed")
      await hasher.close()
    })
  })
}
