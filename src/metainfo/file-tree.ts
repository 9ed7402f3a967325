import type { BencodeDictionary, BencodeValue } from "./bencode.js"
import { asDictionary } from "./bencode.js"
import { HASH_LENGTH } from "./merkle.js"
import { metadataError } from "./metadata-error.js"
import { checkedPathLength, MAX_FILES, type RawFile } from "./raw-file.js"

/**
 * Bytes of all paths together: 500 for each file, where there are as many as may be. A tree has each folder's name only once,
 * so a small torrent could stand for more than fits into memory.
 */
const MAX_PATHS_LENGTH = 256 << 20

/** A file of a `file tree`. */
export interface TreeFile extends RawFile {
  /** The root of its hash tree, 32 bytes; undefined for an empty file. */
  readonly root: Uint8Array | undefined
}

/** Folders inside one another: what is on the way to the next file. */
interface Place {
  readonly path: readonly Uint8Array[]
  readonly entries: Iterator<[key: Uint8Array, value: BencodeValue]>
  /** The entry before, to see that they are in order. */
  last: Uint8Array | undefined
}

/**
 * The files of a `file tree` (BEP 52), in its order, which is that of the pieces. How deep it is has been limited when it
 * was decoded.
 *
 * @throws AtError `AT_METADATA`
 */
export function readFileTree(tree: BencodeDictionary): TreeFile[] {
  if (tree.has("")) throw metadataError("the root of the torrent's file tree is a file")
  const files: TreeFile[] = []
  let pathsLength = 0
  const places: Place[] = [{ path: [], entries: tree.entries(), last: undefined }]
  for (let place = places.at(-1); place !== undefined; place = places.at(-1)) {
    const next = place.entries.next()
    if (next.done === true) {
      places.pop()
      continue
    }
    const [key, value] = next.value
    // Parsers that sort would give the pieces to other files.
    if (place.last !== undefined && !isBefore(place.last, key))
      throw metadataError("the torrent's file tree is not sorted")
    place.last = key
    const entry = asDictionary(value)
    if (entry === undefined) throw metadataError("an entry of the torrent's file tree is no dictionary")
    const path = [...place.path, key]
    const pathLength = checkedPathLength(path, files.length)
    if (!entry.has("")) {
      places.push({ path, entries: entry.entries(), last: undefined })
      continue
    }
    if (entry.size > 1) throw metadataError("an entry of the torrent's file tree is a file and a folder")
    files.push(readFile(entry.dictionary(""), path, files.length))
    pathsLength += pathLength
    if (pathsLength > MAX_PATHS_LENGTH) {
      throw metadataError(`the paths of the torrent's files take more than ${MAX_PATHS_LENGTH} bytes`)
    }
    if (files.length > MAX_FILES) throw metadataError(`the torrent has more than ${MAX_FILES} files`)
  }
  if (files.length === 0) throw metadataError("the torrent has no files")
  return files
}

function readFile(properties: BencodeDictionary | undefined, path: readonly Uint8Array[], index: number): TreeFile {
  // A link has no bytes of its own (BEP 47), as in a list of files.
  const isLink = properties?.text("attr")?.includes("l") ?? false
  const length = properties?.integer("length") ?? (isLink ? 0 : undefined)
  if (length === undefined || length < 0) throw metadataError(`file ${index} of the torrent has no valid length`)
  const root = properties?.bytes("pieces root")
  if (length === 0) return { path, length, padding: false, root: undefined }
  if (root?.length !== HASH_LENGTH) throw metadataError(`file ${index} of the torrent has no root of its hash tree`)
  return { path, length, padding: false, root }
}

function isBefore(a: Uint8Array, b: Uint8Array): boolean {
  const common = Math.min(a.length, b.length)
  for (let at = 0; at < common; at++) if (a[at] !== b[at]) return a[at]! < b[at]!
  return a.length < b.length
}
