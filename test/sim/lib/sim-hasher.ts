import { createHash } from "node:crypto"
import { rootOf } from "../../../src/metainfo/merkle.js"
import type { Clock } from "../../../src/ports/clock.js"
import { type Disk, DiskError } from "../../../src/ports/disk.js"
import type {
  FilePart,
  FullPiece,
  HashAlgorithm,
  Hasher,
  PieceFate,
  Stored,
  WriteTarget,
} from "../../../src/ports/hasher.js"
import type { SimRandom } from "./sim-random.js"

/** Milliseconds that hashing a piece takes at most; several are under way at once and end in any order. */
const HASH_TIME = 2

/** So often it has nobody to read files: whoever asks must be able to do without. */
const NOBODY_READS = 0.2

/** Hashes at the moment the answer is due: bytes that change before that change the answer, as they may in a worker. */
export class SimHasher implements Hasher {
  readonly #clock: Clock
  readonly #random: SimRandom
  readonly #disk: Pick<Disk, "open">
  readonly #waiting = new Set<(error: Error) => void>()
  #closed = false

  constructor(clock: Clock, random: SimRandom, disk: Pick<Disk, "open">) {
    this.#clock = clock
    this.#random = random
    this.#disk = disk
  }

  digest(algorithm: HashAlgorithm, data: Uint8Array): Uint8Array {
    if (algorithm === "merkle") return rootOf(data, (block) => this.digest("sha256", block))
    return new Uint8Array(createHash(algorithm).update(data).digest())
  }

  hashPiece(algorithm: HashAlgorithm, data: Uint8Array): Promise<Uint8Array> {
    return this.hashPieces(algorithm, [data])
  }

  hashPieces(algorithm: HashAlgorithm, pieces: readonly Uint8Array[]): Promise<Uint8Array> {
    if (!pieces.every(({ buffer }) => buffer instanceof SharedArrayBuffer))
      throw new TypeError("a piece lies in shared memory")
    if (this.#closed) return Promise.reject(new Error("the hasher is closed"))
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject)
      this.#clock.after(HASH_TIME * this.#random.float(), () => {
        if (this.#waiting.delete(reject)) resolve(this.#digests(algorithm, pieces))
      })
    })
  }

  async storePieces(algorithm: HashAlgorithm, pieces: readonly FullPiece[]): Promise<Stored> {
    if (this.#closed) throw new Error("the hasher is closed")
    const fates: PieceFate[] = []
    let [hashing, writing] = [0, 0]
    for (const { bytes, digest, targets } of pieces) {
      const start = this.#clock.now()
      const found = await this.hashPiece(algorithm, bytes)
      const hashed = this.#clock.now()
      if (Buffer.compare(found, digest) !== 0) fates.push("wrong")
      else fates.push((await this.#write(targets)) ? "written" : "right")
      hashing += hashed - start
      writing += this.#clock.now() - hashed
    }
    return { fates, hashing, writing }
  }

  async hashFiles(
    algorithm: HashAlgorithm,
    parts: readonly FilePart[],
    pieceLength: number,
  ): Promise<Uint8Array | undefined> {
    if (this.#closed) throw new Error("the hasher is closed")
    if (this.#random.float() < NOBODY_READS) return undefined
    const chunks: Uint8Array[] = []
    for (const part of parts) {
      const bytes = await this.#readPart(part)
      if (this.#closed) throw new Error("the hasher was closed")
      if (bytes === undefined) return undefined
      chunks.push(bytes)
    }
    const contents = chunks.filter((_, i) => parts[i]!.path !== undefined)
    const pieces: Uint8Array[] = []
    for (const data of algorithm === "merkle" ? contents : [Buffer.concat(chunks)]) {
      for (let at = 0; at < data.length; at += pieceLength) pieces.push(data.subarray(at, at + pieceLength))
    }
    return this.#digests(algorithm, pieces)
  }

  close(): Promise<void> {
    this.#closed = true
    for (const reject of this.#waiting) reject(new Error("the hasher was closed"))
    this.#waiting.clear()
    return Promise.resolve()
  }

  /** False when some of it may not be written. */
  async #write(targets: readonly WriteTarget[]): Promise<boolean> {
    if (this.#random.float() < NOBODY_READS) return false
    try {
      for (const { file, position, bytes } of targets) await file.write([bytes], position)
      return true
    } catch (error) {
      if (error instanceof DiskError) return false
      throw error
    }
  }

  #digests(algorithm: HashAlgorithm, pieces: readonly Uint8Array[]): Uint8Array {
    return new Uint8Array(Buffer.concat(pieces.map((piece) => this.digest(algorithm, piece))))
  }

  async #readPart({ path, position, length }: FilePart): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(length)
    if (path === undefined) return bytes
    try {
      const handle = await this.#disk.open(path, "read")
      try {
        return (await handle.read(bytes, position)) === length ? bytes : undefined
      } finally {
        await handle.close()
      }
    } catch (error) {
      if (error instanceof DiskError) return undefined
      throw error
    }
  }
}
