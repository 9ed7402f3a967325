import { concatBytes } from "../bytes/concat.js"
import { sameBytes } from "../bytes/same-bytes.js"
import {
  asDictionary,
  type BencodeDictionary,
  BencodeError,
  type BencodeLimits,
  decode,
  encode,
} from "../metainfo/bencode.js"
import { safeElement } from "../metainfo/safe-element.js"
import type { Hasher } from "../ports/hasher.js"
import type { Stamp } from "./journal-state.js"

/*
 * An inventory is the magic, the SHA-1 of all that follows, and a bencoded dictionary. Paths are one text, separated by NUL,
 * which no path contains; stamps are 24 bytes each: size, mtime in ns and inode, big-endian. Both are read without making
 * something of each of a hundred thousand files.
 *
 * It says what a journal of one version means, by the names that this version gives to files: should the journal's version
 * change, or the names, this one has to change as well.
 */
const MAGIC = Uint8Array.of(0x41, 0x54, 0x49, 0x01) // "ATI", version 1
const DIGEST_LENGTH = 20
const HEAD_LENGTH = MAGIC.length + DIGEST_LENGTH
const STAMP_LENGTH = 24
/** Bytes. Longer ones are neither written nor read: with a million files it is about 64 MiB. */
export const MAX_INVENTORY_LENGTH = 128 * 2 ** 20
const LIMITS: BencodeLimits = { length: MAX_INVENTORY_LENGTH, depth: 1, tokens: 64 }

/** A dataset that was complete, and what its files looked like then. */
export interface Inventory {
  /** What people know it by: 20 bytes of v1; or, if it is v2 alone, 32. */
  readonly infoHash: Uint8Array
  /** The safe name on disk. */
  readonly name: string
  /** Bytes of all files, padding left out. */
  readonly dataLength: number
  readonly pieceCount: number
  /** The machine's start during which this holds; "" when it holds for ever, as all was on the disk itself. */
  readonly bootId: string
  /** The SHA-1 of the journal that said so. */
  readonly journal: Uint8Array
  /** Inside the dataset's folder, one for each file that is not padding; "" where the dataset is a file itself. */
  readonly paths: readonly string[]
  readonly stamps: Stamps
}

/** What many files looked like. */
export class Stamps {
  readonly bytes: Uint8Array
  readonly #view: DataView

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  static of(all: readonly Stamp[]): Stamps {
    const stamps = new Stamps(new Uint8Array(all.length * STAMP_LENGTH))
    let at = 0
    for (const { size, mtimeNs, inode } of all) {
      stamps.#view.setBigUint64(at, BigInt(size))
      stamps.#view.setBigUint64(at + 8, mtimeNs)
      stamps.#view.setBigUint64(at + 16, inode)
      at += STAMP_LENGTH
    }
    return stamps
  }

  at(index: number): Stamp {
    const at = index * STAMP_LENGTH
    return {
      size: Number(this.#view.getBigUint64(at)),
      mtimeNs: this.#view.getBigUint64(at + 8),
      inode: this.#view.getBigUint64(at + 16),
    }
  }
}

export function encodeInventory(inventory: Inventory, hasher: Pick<Hasher, "digest">): Uint8Array {
  const dictionary = encode({
    "boot id": inventory.bootId,
    "data length": inventory.dataLength,
    "info hash": inventory.infoHash,
    journal: inventory.journal,
    name: inventory.name,
    paths: inventory.paths.join("\0"),
    "piece count": inventory.pieceCount,
    stamps: inventory.stamps.bytes,
  })
  return concatBytes(MAGIC, hasher.digest("sha1", dictionary), dictionary)
}

/** Undefined when it is damaged, cut off, of a later version or none at all. */
export function decodeInventory(bytes: Uint8Array, hasher: Pick<Hasher, "digest">): Inventory | undefined {
  if (!sameBytes(bytes.subarray(0, MAGIC.length), MAGIC)) return undefined
  const body = bytes.subarray(HEAD_LENGTH)
  if (!sameBytes(bytes.subarray(MAGIC.length, HEAD_LENGTH), hasher.digest("sha1", body))) return undefined
  try {
    const dictionary = asDictionary(decode(body, LIMITS))
    return dictionary && readFields(dictionary)
  } catch (error) {
    if (error instanceof BencodeError) return undefined
    throw error
  }
}

function readFields(dictionary: BencodeDictionary): Inventory | undefined {
  const infoHash = dictionary.bytes("info hash")
  const name = dictionary.bytes("name")
  const bootId = dictionary.text("boot id")
  const journal = dictionary.bytes("journal")
  const stamps = dictionary.bytes("stamps")
  // No more than may be right: V8 ends the process where an array would become too long.
  const paths = dictionary.text("paths")?.split("\0", 1 + (stamps?.length ?? 0) / STAMP_LENGTH)
  const dataLength = dictionary.integer("data length")
  const pieceCount = dictionary.integer("piece count")
  if (infoHash === undefined || name === undefined || bootId === undefined) return undefined
  if (journal === undefined || dataLength === undefined || pieceCount === undefined) return undefined
  if (paths === undefined || stamps?.length !== paths.length * STAMP_LENGTH) return undefined
  return {
    infoHash,
    // A forged name can't lead out of the datastore. Forged paths may: they are only looked at.
    name: safeElement(name),
    dataLength,
    pieceCount,
    bootId,
    journal,
    paths,
    stamps: new Stamps(stamps),
  }
}
