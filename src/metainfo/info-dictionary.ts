import { toHex } from "../bytes/hex.js"
import { decodeUtf8, decodeUtf8Lenient, encodeUtf8 } from "../bytes/text.js"
import { AtError } from "../errors.js"
import type { Hasher } from "../ports/hasher.js"
import { asBytes, asDictionary, type BencodeDictionary, BencodeError, type BencodeLimits, decode } from "./bencode.js"
import { type LayoutFile, TorrentLayout } from "./layout.js"
import type { Metainfo } from "./metainfo.js"
import { safeName, safePaths } from "./safe-path.js"

/** A .torrent of 500,000 files takes about this; the values bound the memory that decoding takes. */
export const TORRENT_LIMITS: BencodeLimits = { length: 64 << 20, depth: 64, tokens: 4_000_000 }

const MAX_FILES = 500_000
/** Bytes; the largest in use are 32 MiB to 64 MiB. A piece must fit into memory several times. */
const MAX_PIECE_LENGTH = 256 << 20
const MAX_PIECES = 1 << 21
/** No file system takes more in one path (Linux: 4,096 bytes). */
const MAX_PATH_LENGTH = 4096
const MAX_PATH_ELEMENTS = 128
/** Bytes of a SHA-1. */
const HASH_LENGTH = 20

/** What stands outside of `info`: it is not part of a dataset's identity, and peers don't send it. */
export type OuterFields = Pick<Metainfo, "trackers" | "webSeeds" | "comment" | "createdBy" | "creationDate">

const NO_OUTER_FIELDS: OuterFields = { trackers: [], webSeeds: [], comment: null, createdBy: null, creationDate: null }

/** The only error of metadata that is there but can't be used. */
export function metadataError(message: string, cause?: unknown): AtError {
  return new AtError("AT_METADATA", message, {
    hint: "fetch the .torrent file again, or ask the dataset's author for a new one",
    cause,
  })
}

/**
 * Reads an `info` dictionary on its own, as peers send it (BEP 9). The caller compares its infohash.
 *
 * @throws AtError `AT_METADATA`
 */
export function parseInfoDictionary(
  infoBytes: Uint8Array,
  hasher: Pick<Hasher, "digest">,
  outer: OuterFields = NO_OUTER_FIELDS,
): Metainfo {
  // The caller's memory may be used again: everything below is a view of this copy.
  const copy = new Uint8Array(infoBytes)
  let info: BencodeDictionary | undefined
  try {
    info = asDictionary(decode(copy, TORRENT_LIMITS))
  } catch (error) {
    if (!(error instanceof BencodeError)) throw error
    throw metadataError(`the metadata is damaged: ${error.message}`, error)
  }
  if (info === undefined) throw metadataError("the metadata is not a dictionary")
  return readInfo(info, copy, hasher, outer)
}

/** Checks a decoded `info`. `infoBytes` is its encoding; both belong to the result from here on. */
export function readInfo(
  info: BencodeDictionary,
  infoBytes: Uint8Array,
  hasher: Pick<Hasher, "digest">,
  outer: OuterFields,
): Metainfo {
  const version2 = info.integer("meta version") === 2
  const pieceHashes = info.bytes("pieces")
  if (pieceHashes === undefined) {
    throw version2 || info.has("file tree")
      ? metadataError("this is a BitTorrent v2 torrent without a v1 part, which is not supported yet")
      : metadataError("the torrent has no piece hashes")
  }
  const infoHash = hasher.digest("sha1", infoBytes)
  const rawName = textBytes(info, "name") ?? new Uint8Array(0)
  const name = safeName(rawName, toHex(infoHash))
  const list = info.list("files")
  const files = list === undefined ? [singleFile(info, rawName)] : readFiles(list.map(asDictionary))
  const layout = buildLayout(info.integer("piece length"), files, list === undefined ? [name] : undefined)
  if (pieceHashes.length !== layout.pieceCount * HASH_LENGTH) {
    throw metadataError(
      `the torrent has ${pieceHashes.length} bytes of piece hashes where its files need ${layout.pieceCount * HASH_LENGTH}`,
    )
  }
  let rawPaths: readonly (readonly string[])[] | undefined
  return {
    infoHash,
    // The v1 part of a hybrid is all that is used so far.
    version: "v1",
    infoHashV2: version2 ? hasher.digest("sha256", infoBytes) : null,
    infoBytes,
    name,
    kind: list === undefined ? "file" : "folder",
    layout,
    pieceHashes,
    // BEP 27
    private: info.integer("private") === 1,
    rawName: decodeUtf8Lenient(rawName),
    // Only needed where web seeds are.
    get rawPaths() {
      rawPaths ??= files.map((file) => file.path.map(decodeUtf8Lenient))
      return rawPaths
    },
    ...outer,
  }
}

interface RawFile {
  readonly path: readonly Uint8Array[]
  readonly length: number
  readonly padding: boolean
}

function singleFile(info: BencodeDictionary, rawName: Uint8Array): RawFile {
  const length = info.integer("length")
  if (length === undefined || length < 0) throw metadataError("the torrent has neither files nor a valid length")
  return { path: [rawName], length, padding: false }
}

function readFiles(entries: readonly (BencodeDictionary | undefined)[]): RawFile[] {
  if (entries.length === 0) throw metadataError("the torrent has no files")
  if (entries.length > MAX_FILES) {
    throw metadataError(`the torrent has ${entries.length} files; at most ${MAX_FILES} are supported`)
  }
  return entries.map((entry, index) => {
    if (entry === undefined) throw metadataError(`file ${index} of the torrent is not described by a dictionary`)
    const attributes = entry.text("attr") ?? ""
    // A link (BEP 47) has no bytes of its own and may omit its length. We make an empty file: a link from a stranger could
    // lead anywhere.
    const length = entry.integer("length") ?? (attributes.includes("l") ? 0 : undefined)
    if (length === undefined || length < 0) throw metadataError(`file ${index} of the torrent has no valid length`)
    const path = readPath(entry, index)
    const padding = attributes.includes("p") || isOldPaddingName(path[path.length - 1])
    return { path, length, padding }
  })
}

/** An absent or empty path is fine: padding files need none (BEP 47), and others get a safe name. */
function readPath(entry: BencodeDictionary, index: number): Uint8Array[] {
  const elements = (entry.list("path.utf-8") ?? entry.list("path") ?? []).map(asBytes)
  let length = 0
  const path: Uint8Array[] = []
  for (const element of elements) {
    if (element === undefined) throw metadataError(`the path of file ${index} of the torrent is malformed`)
    length += element.length + 1
    path.push(element)
  }
  if (path.length > MAX_PATH_ELEMENTS || length > MAX_PATH_LENGTH) {
    throw metadataError(`the path of file ${index} of the torrent is longer than any file system takes`)
  }
  return path
}

const OLD_PADDING_NAME = encodeUtf8("_____padding_file_")

/** BitComet's padding files, from before BEP 47, are known by their names alone. */
function isOldPaddingName(element: Uint8Array | undefined): boolean {
  return element !== undefined && OLD_PADDING_NAME.every((byte, at) => element[at] === byte)
}

/** `names` are the safe paths where they are known; else they are made from the raw ones. */
function buildLayout(
  pieceLength: number | undefined,
  files: readonly RawFile[],
  names: readonly string[] | undefined,
): TorrentLayout {
  if (pieceLength === undefined || pieceLength < 1 || pieceLength > MAX_PIECE_LENGTH) {
    throw metadataError(
      `the torrent's piece length is ${pieceLength ?? "missing"}; 1 to ${MAX_PIECE_LENGTH} is supported`,
    )
  }
  let offset = 0
  const offsets = files.map((file) => {
    const start = offset
    offset += file.length
    return start
  })
  // The two limits together keep every offset below 2^49: exact. Sums beyond 2^53 are rounded, but never back below it.
  if (Math.ceil(offset / pieceLength) > MAX_PIECES) {
    throw metadataError(`the torrent has more than ${MAX_PIECES} pieces, which is not supported`)
  }
  const paths = names ?? safePaths(files.map((file) => file.path))
  const placed = files.map(
    (file, index): LayoutFile => ({
      path: paths[index]!,
      offset: offsets[index]!,
      length: file.length,
      padding: file.padding,
    }),
  )
  return new TorrentLayout(pieceLength, placed)
}

/** Some old creators wrote names in another encoding, and UTF-8 under `KEY.utf-8`. */
function textBytes(dictionary: BencodeDictionary, key: string): Uint8Array | undefined {
  const utf8 = dictionary.bytes(`${key}.utf-8`)
  return utf8 !== undefined && decodeUtf8(utf8) !== undefined ? utf8 : dictionary.bytes(key)
}
