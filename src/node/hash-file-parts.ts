import { createHash, hash } from "node:crypto"
import * as fs from "node:fs"
import { HASH_LENGTH, heightOver, LEAF_LENGTH, leafCount, rootOver } from "../metainfo/merkle.js"
import type { FilePart } from "../ports/hasher.js"
import { sha256 } from "./digest-of.js"
import { DIGEST_LENGTH, type FilesAnswer, type FilesMessage } from "./hash-messages.js"
import { OPEN_FLAGS } from "./open-flags.js"

/** Read at a time: stays in a core's cache (L2) until it is hashed, and is long enough to make the calls not count. */
const BUFFER_LENGTH = 128 * 1024
const buffer = new Uint8Array(BUFFER_LENGTH)

/** Reads pieces in files and hashes them, on this thread, in bounded memory. */
export function hashFileParts({ algorithm, parts, pieceLength }: FilesMessage): FilesAnswer {
  const hashed = algorithm === "merkle" ? parts.filter(({ path }) => path !== undefined) : parts
  const reader = new PartReader(hashed)
  try {
    return algorithm === "merkle"
      ? merkleRoots(reader, hashed, pieceLength)
      : digestsOf(algorithm, reader, hashed, pieceLength)
  } catch {
    // Gone, cut short, refused: the main thread finds out which when it reads for itself.
    return undefined
  } finally {
    reader.close()
  }
}

function digestsOf(
  algorithm: "sha1" | "sha256",
  reader: PartReader,
  parts: readonly FilePart[],
  pieceLength: number,
): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const size = DIGEST_LENGTH[algorithm]
  const digests = new Uint8Array(Math.ceil(length / pieceLength) * size)
  let to = 0
  if (pieceLength > BUFFER_LENGTH) {
    for (let left = length; left > 0; left -= pieceLength, to += size) {
      const running = createHash(algorithm)
      for (let rest = Math.min(left, pieceLength); rest > 0; rest -= BUFFER_LENGTH) {
        running.update(reader.next(Math.min(rest, BUFFER_LENGTH)))
      }
      digests.set(running.digest(), to)
    }
    return digests
  }
  const stride = BUFFER_LENGTH - (BUFFER_LENGTH % pieceLength)
  for (let left = length; left > 0; left -= stride) {
    const bytes = reader.next(Math.min(left, stride))
    for (let from = 0; from < bytes.length; from += pieceLength, to += size) {
      digests.set(hash(algorithm, bytes.subarray(from, from + pieceLength), "buffer"), to)
    }
  }
  return digests
}

function merkleRoots(reader: PartReader, parts: readonly FilePart[], pieceLength: number): Uint8Array {
  const count = parts.reduce((sum, { length }) => sum + Math.ceil(length / pieceLength), 0)
  const roots = new Uint8Array(count * HASH_LENGTH)
  let to = 0
  for (const { length } of parts) {
    for (let left = length; left > 0; left -= pieceLength, to += HASH_LENGTH) {
      roots.set(merkleRoot(reader, Math.min(left, pieceLength)), to)
    }
  }
  return roots
}

/** Of the next so many bytes. */
function merkleRoot(reader: PartReader, size: number): Uint8Array {
  const leaves = new Uint8Array(leafCount(size) * HASH_LENGTH)
  let to = 0
  for (let left = size; left > 0; left -= BUFFER_LENGTH) {
    const bytes = reader.next(Math.min(left, BUFFER_LENGTH))
    for (let at = 0; at < bytes.length; at += LEAF_LENGTH, to += HASH_LENGTH) {
      leaves.set(hash("sha256", bytes.subarray(at, at + LEAF_LENGTH), "buffer"), to)
    }
  }
  return rootOver(leaves, 0, heightOver(leaves.length / HASH_LENGTH), sha256)
}

/** Reads the parts one after the other, each file open only while it is read. */
class PartReader {
  readonly #parts: readonly FilePart[]
  #index = 0
  /** Bytes read of the present part. */
  #done = 0
  #descriptor: number | undefined

  constructor(parts: readonly FilePart[]) {
    this.#parts = parts
  }

  /** The next so many bytes, valid until the next call; there must be as many. @throws when they can't be read */
  next(length: number): Uint8Array {
    for (let filled = 0; filled < length; ) {
      const part = this.#parts[this.#index]!
      const wanted = Math.min(part.length - this.#done, length - filled)
      const count = this.#read(part, filled, wanted)
      filled += count
      this.#done += count
      if (this.#done === part.length) this.#enterNext()
    }
    return buffer.subarray(0, length)
  }

  close(): void {
    if (this.#descriptor !== undefined) fs.closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  #read(part: FilePart, at: number, length: number): number {
    if (part.path === undefined) {
      buffer.fill(0, at, at + length)
      return length
    }
    this.#descriptor ??= fs.openSync(part.path, OPEN_FLAGS.read)
    const count = fs.readSync(this.#descriptor, buffer, at, length, part.position + this.#done)
    if (count === 0) throw new Error(`${part.path} is too short`)
    return count
  }

  #enterNext(): void {
    this.close()
    this.#index++
    this.#done = 0
  }
}
