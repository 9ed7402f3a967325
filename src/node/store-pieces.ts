// For worker threads.
import { writevSync } from "node:fs"
import { sameBytes } from "../bytes/same-bytes.js"
import { nodeClock } from "./clock.js"
import { digestOf } from "./digest-of.js"
import { DIGEST_LENGTH, RIGHT, type StoreAnswer, type StoreMessage, WRITTEN, WRONG } from "./hash-messages.js"
import { LARGEST_WRITE } from "./largest-write.js"

/** Bytes of a right piece, and where they go. */
interface Target {
  readonly piece: number
  readonly descriptor: number
  readonly position: number
  readonly bytes: Uint8Array
}

/** Hashes the pieces, which lie in `memories`, and writes those that are right. */
export function storePieces(message: StoreMessage, memories: ReadonlyMap<number, SharedArrayBuffer>): StoreAnswer {
  const start = nodeClock.now()
  const { algorithm, pieces, digests } = message
  const size = DIGEST_LENGTH[algorithm]
  const all = Array.from(
    { length: pieces.length / 3 },
    (_, i) => new Uint8Array(memories.get(pieces[3 * i]!)!, pieces[3 * i + 1]!, pieces[3 * i + 2]!),
  )
  const fates = Uint8Array.from(all, (bytes, i) =>
    sameBytes(digestOf(algorithm, bytes), digests.subarray(i * size, (i + 1) * size)) ? WRITTEN : WRONG,
  )
  const hashed = nodeClock.now()
  for (const stretch of stretches(targetsOf(message, all, fates))) {
    if (!writeWhole(stretch)) for (const { piece } of stretch) fates[piece] = RIGHT
  }
  return { fates, hashing: hashed - start, writing: nodeClock.now() - hashed }
}

/** What is to be written, in the order of the files and of the places in them. */
function targetsOf({ targets }: StoreMessage, pieces: readonly Uint8Array[], fates: Uint8Array): Target[] {
  const right: Target[] = []
  for (let at = 0; at < targets.length; at += 5) {
    const piece = targets[at]!
    if (fates[piece] === WRONG) continue
    const offset = targets[at + 1]!
    const length = targets[at + 2]!
    for (let from = 0; from < length; from += LARGEST_WRITE) {
      const bytes = pieces[piece]!.subarray(offset + from, offset + Math.min(from + LARGEST_WRITE, length))
      right.push({ piece, bytes, descriptor: targets[at + 3]!, position: targets[at + 4]! + from })
    }
  }
  return right.sort((a, b) => a.descriptor - b.descriptor || a.position - b.position)
}

/** Neighbours in one file, for one write each. */
function stretches(sorted: readonly Target[]): Target[][] {
  const all: Target[][] = []
  let end: number | undefined
  let length = 0
  for (const target of sorted) {
    const last = all[all.length - 1]
    const joins = last?.[0]?.descriptor === target.descriptor && target.position === end
    length += target.bytes.length
    if (last !== undefined && joins && length <= LARGEST_WRITE) {
      last.push(target)
    } else {
      all.push([target])
      length = target.bytes.length
    }
    end = target.position + target.bytes.length
  }
  return all
}

/** False when the disk refused. */
function writeWhole(stretch: readonly Target[]): boolean {
  const { descriptor, position } = stretch[0]!
  const chunks = stretch.map(({ bytes }) => bytes)
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  try {
    // A short count is a disk that is full, or nearly so.
    return writevSync(descriptor, chunks, position) === length
  } catch {
    return false
  }
}
