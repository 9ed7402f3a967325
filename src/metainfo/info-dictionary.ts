import { toHex } from "../bytes/hex.js"
import { sameBytes } from "../bytes/same-bytes.js"
import { decodeUtf8, decodeUtf8Lenient, encodeUtf8 } from "../bytes/text.js"
import type { Hasher } from "../ports/hasher.js"
import {
  asBytes,
  asDictionary,
  type BencodeDictionary,
  BencodeError,
  type BencodeLimits,
  type BencodeValue,
  decode,
} from "./bencode.js"
import { FileNodes } from "./file-nodes.js"
import { readFileTree, type TreeFile } from "./file-tree.js"
import { BLOCK_LENGTH, type FileOrder, TorrentLayout } from "./layout.js"
import { metadataError } from "./metadata-error.js"
import type { Metainfo, TorrentVersion } from "./metainfo.js"
import { checkedPathLength, MAX_FILES, type RawFile } from "./raw-file.js"
import { renamedFiles } from "./raw-path.js"
import { safeName, safePaths } from "./safe-path.js"
import { truncated } from "./swarm-names.js"

/** A .torrent of 500,000 files takes about this; the values bound the memory that decoding takes. */
export const TORRENT_LIMITS: BencodeLimits = { length: 64 << 20, depth: 64, tokens: 4_000_000 }

/** Bytes; the largest in use are 32 MiB to 64 MiB. A piece must fit into memory several times. */
const MAX_PIECE_LENGTH = 256 << 20
/** A torrent with more pieces is refused. */
export const MAX_PIECES = 1 << 21
/** Bytes of a SHA-1. */
const SHA1_LENGTH = 20

/** What stands outside of `info`: it is not part of a dataset's identity, and peers don't send it. */
export type OuterFields = Pick<Metainfo, "trackers" | "webSeeds" | "comment" | "createdBy" | "creationDate">

const NO_OUTER_FIELDS: OuterFields = { trackers: [], webSeeds: [], comment: null, createdBy: null, creationDate: null }

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
  const version = versionOf(info)
  const infoHashV2 = version === "v1" ? null : hasher.digest("sha256", infoBytes)
  // Peers and trackers know a v2 torrent by the first bytes of its infohash (BEP 52).
  const infoHash = version === "v2" ? truncated(infoHashV2!) : hasher.digest("sha1", infoBytes)
  const tree = version === "v2" ? readTree(info, toHex(infoHash)) : undefined
  const content = tree ?? readList(info, toHex(infoHash))
  const { layout, files, rawName } = content
  const pieceHashes = version === "v2" ? new Uint8Array(0) : info.bytes("pieces")!
  if (version !== "v2" && pieceHashes.length !== layout.pieceCount * SHA1_LENGTH) {
    throw metadataError(
      `the torrent has ${pieceHashes.length} bytes of piece hashes where its files need ${layout.pieceCount * SHA1_LENGTH}`,
    )
  }
  return {
    infoHash,
    version,
    infoHashV2,
    infoBytes,
    name: content.name,
    kind: content.kind,
    layout,
    pieceHashes,
    fileNodes:
      version === "v1" ? null : new FileNodes(layout, tree?.files.map(({ root }) => root) ?? rootsOf(info, content)),
    // BEP 27
    private: info.integer("private") === 1,
    rawName: decodeUtf8Lenient(rawName),
    renamed: renamedFiles(layout, files),
    ...outer,
  }
}

/** BEP 52 wants this looked at before all else. */
function versionOf(info: BencodeDictionary): TorrentVersion {
  const metaVersion = info.integer("meta version") ?? 1
  if (metaVersion > 2) throw metadataError(`this is a BitTorrent v${metaVersion} torrent, which is not supported`)
  const hasPieces = info.bytes("pieces") !== undefined
  if (metaVersion === 2) return hasPieces ? "hybrid" : "v2"
  if (hasPieces) return "v1"
  throw metadataError("the torrent has no piece hashes")
}

/** What a torrent says of its files. */
interface Content<File extends RawFile = RawFile> {
  readonly rawName: Uint8Array
  readonly name: string
  readonly kind: "file" | "folder"
  readonly files: readonly File[]
  readonly layout: TorrentLayout
}

/** By BEP 3. `fallback` names what has no name. */
function readList(info: BencodeDictionary, fallback: string): Content {
  const rawName = textBytes(info, "name") ?? new Uint8Array(0)
  const name = safeName(rawName, fallback)
  const list = info.list("files")
  const files = list === undefined ? [singleFile(info, rawName)] : readFiles(list)
  const layout = buildLayout(info, files, list === undefined ? [name] : undefined, "contiguous")
  return { rawName, name, kind: list === undefined ? "file" : "folder", files, layout }
}

/** By BEP 52. A tree of nothing but a file is that file. */
function readTree(info: BencodeDictionary, fallback: string): Content<TreeFile> {
  const files = treeFilesOf(info)
  const single = files.length === 1 && files[0]!.path.length === 1
  const rawName = single ? files[0]!.path[0]! : (textBytes(info, "name") ?? new Uint8Array(0))
  const name = safeName(rawName, fallback)
  const layout = buildLayout(info, files, single ? [name] : undefined, "aligned")
  return { rawName, name, kind: single ? "file" : "folder", files, layout }
}

function treeFilesOf(info: BencodeDictionary): TreeFile[] {
  const tree = info.dictionary("file tree")
  if (tree === undefined) throw metadataError("the torrent has no file tree")
  const pieceLength = info.integer("piece length") ?? 0
  if (pieceLength < BLOCK_LENGTH || !Number.isInteger(Math.log2(pieceLength))) {
    throw metadataError(
      `the torrent's piece length is ${pieceLength}; BitTorrent v2 takes powers of two from 16 KiB on`,
    )
  }
  return readFileTree(tree)
}

/**
 * The roots of a hybrid's hash trees, for each of its files. Both descriptions must be of the same files, each starting at a
 * piece (BEP 52): else whoever reads one would get other data than who reads the other.
 */
function rootsOf(info: BencodeDictionary, { files, layout, kind, rawName }: Content): (Uint8Array | undefined)[] {
  const inTree = treeFilesOf(info)
  let next = 0
  const roots = files.map((file, index) => {
    if (file.padding) return undefined
    const twin = inTree[next++]
    const path = kind === "file" ? [rawName] : file.path
    const aligned = file.length === 0 || layout.files[index]!.offset % layout.pieceLength === 0
    if (twin === undefined || twin.length !== file.length || !samePath(twin.path, path) || !aligned) {
      throw metadataError("the torrent's v1 and v2 descriptions of its files are not the same")
    }
    return twin.root
  })
  // More: there would be pieces of nothing but padding.
  const pieces = inTree.reduce((sum, { length }) => sum + Math.ceil(length / layout.pieceLength), 0)
  if (next !== inTree.length || pieces !== layout.pieceCount)
    throw metadataError("the torrent's v1 and v2 descriptions have not the same files")
  return roots
}

function samePath(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((element, i) => sameBytes(element, b[i]!))
}

function singleFile(info: BencodeDictionary, rawName: Uint8Array): RawFile {
  const length = info.integer("length")
  if (length === undefined || length < 0) throw metadataError("the torrent has neither files nor a valid length")
  return { path: [rawName], length, padding: false }
}

function readFiles(entries: readonly BencodeValue[]): RawFile[] {
  if (entries.length === 0) throw metadataError("the torrent has no files")
  if (entries.length > MAX_FILES) {
    throw metadataError(`the torrent has ${entries.length} files; at most ${MAX_FILES} are supported`)
  }
  return entries.map((value, index) => {
    const entry = asDictionary(value)
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
function readPath(entry: BencodeDictionary, index: number): readonly Uint8Array[] {
  const path = entry.list("path.utf-8") ?? entry.list("path") ?? []
  if (!isBytesOnly(path)) throw metadataError(`the path of file ${index} of the torrent is malformed`)
  checkedPathLength(path, index)
  return path
}

function isBytesOnly(list: readonly BencodeValue[]): list is readonly Uint8Array[] {
  return list.every((value) => asBytes(value) !== undefined)
}

const OLD_PADDING_NAME = encodeUtf8("_____padding_file_")

/** BitComet's padding files, from before BEP 47, are known by their names alone. */
function isOldPaddingName(element: Uint8Array | undefined): boolean {
  return element !== undefined && OLD_PADDING_NAME.every((byte, at) => element[at] === byte)
}

/** `names` are the safe paths where they are known; else they are made from the raw ones. */
function buildLayout(
  info: BencodeDictionary,
  files: readonly RawFile[],
  names: readonly string[] | undefined,
  order: FileOrder,
): TorrentLayout {
  const pieceLength = info.integer("piece length")
  if (pieceLength === undefined || pieceLength < 1 || pieceLength > MAX_PIECE_LENGTH) {
    throw metadataError(
      `the torrent's piece length is ${pieceLength ?? "missing"}; 1 to ${MAX_PIECE_LENGTH} is supported`,
    )
  }
  // The two limits together keep every offset below 2^49: exact. Sums beyond 2^53 are rounded, but never back below it.
  const pieces = (length: number): number => Math.ceil(length / pieceLength)
  const count =
    order === "contiguous"
      ? pieces(files.reduce((sum, { length }) => sum + length, 0))
      : files.reduce((sum, { length }) => sum + pieces(length), 0)
  if (count > MAX_PIECES) {
    throw metadataError(`the torrent has more than ${MAX_PIECES} pieces, which is not supported`)
  }
  const paths = names ?? safePaths(files.map((file) => file.path))
  const named = files.map(({ length, padding }, index) => ({ path: paths[index]!, length, padding }))
  return TorrentLayout.of(pieceLength, named, order)
}

/** Some old creators wrote names in another encoding, and UTF-8 under `KEY.utf-8`. */
function textBytes(dictionary: BencodeDictionary, key: string): Uint8Array | undefined {
  const utf8 = dictionary.bytes(`${key}.utf-8`)
  return utf8 !== undefined && decodeUtf8(utf8) !== undefined ? utf8 : dictionary.bytes(key)
}
