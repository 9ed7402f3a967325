import { decodeUtf8Lenient } from "../bytes/text.js"
import { AtError } from "../errors.js"
import type { Hasher } from "../ports/hasher.js"
import {
  asBytes,
  asDictionary,
  asList,
  asText,
  type BencodeDictionary,
  BencodeError,
  type BencodeValue,
  decodePrefix,
} from "./bencode.js"
import { DICTIONARY } from "./bencode-bytes.js"
import { type OuterFields, readInfo, TORRENT_LIMITS } from "./info-dictionary.js"
import type { Sha256 } from "./merkle.js"
import { metadataError } from "./metadata-error.js"
import type { Metainfo } from "./metainfo.js"
import { rawMember } from "./raw-member.js"

/** More than any real torrent names; beyond, they are someone's flood. */
const MAX_URLS = 256
const MAX_URL_LENGTH = 4096
/** The last second of the year 9999, in seconds since 1970. */
const LAST_DATE = 253_402_300_799

/**
 * Reads a .torrent file: v1, v2 (BEP 52) or both. Names become safe ({@link safePaths}); what is not needed may be
 * malformed or missing; bytes after the dictionary are left alone. `bytes` is not referred to afterwards.
 *
 * @throws AtError `AT_METADATA` when it is not a torrent, is damaged, or is beyond what is supported
 */
export function parseTorrent(bytes: Uint8Array, hasher: Pick<Hasher, "digest">): Metainfo {
  if (bytes.length > TORRENT_LIMITS.length) {
    throw metadataError(`${bytes.length} bytes are too many for a torrent: at most ${TORRENT_LIMITS.length} are read`)
  }
  // A copy, because the result refers to it: the caller's memory may be used again.
  const copy = new Uint8Array(bytes)
  let torrent: BencodeDictionary | undefined
  try {
    torrent = asDictionary(decodePrefix(copy, TORRENT_LIMITS).value)
  } catch (error) {
    if (!(error instanceof BencodeError)) throw error
    throw describeFault(bytes, error)
  }
  if (torrent === undefined) throw describeOther(bytes)
  const info = torrent.dictionary("info")
  const infoBytes = rawMember(copy, "info")
  if (info === undefined || infoBytes === undefined) throw metadataError("the torrent has no info dictionary")
  const metainfo = readInfo(info, infoBytes, hasher, readOuterFields(torrent))
  readPieceLayers(torrent, metainfo, (data) => hasher.digest("sha256", data))
  return metainfo
}

/**
 * BEP 52: they stand beside `info`, so the infohash says nothing of them; the roots in `info` do. A hybrid may be without
 * some or all, as programs leave it that have it from a magnet link: then its v1 hashes have to do.
 */
function readPieceLayers(torrent: BencodeDictionary, metainfo: Metainfo, sha256: Sha256): void {
  const { fileNodes: nodes, version } = metainfo
  const layers = torrent.dictionary("piece layers")
  if (nodes === null) return
  for (const [file, root] of nodes.roots.entries()) {
    if (root === undefined || !nodes.needsLayer(file)) continue
    const layer = asBytes(layers?.getByBytes(root))
    if (layer === undefined && version === "hybrid") continue
    if (layer === undefined) {
      throw new AtError("AT_METADATA", `the torrent has no piece layer for file ${file}`, {
        hint: "use a complete .torrent file, or a magnet link with the v2 infohash: peers send the layers then",
      })
    }
    if (!nodes.add(file, layer, sha256)) throw metadataError(`the torrent's piece layer for file ${file} is wrong`)
  }
}

function describeFault(bytes: Uint8Array, error: BencodeError): AtError {
  if (bytes[0] !== DICTIONARY) return describeOther(bytes, error)
  if (error.fault === "truncated") {
    return metadataError(`the torrent is cut off: its ${bytes.length} bytes are not all of it`, error)
  }
  return metadataError(`the torrent is damaged: ${error.message}`, error)
}

/** What the user most likely has in hand instead of a torrent. */
function describeOther(bytes: Uint8Array, cause?: unknown): AtError {
  if (bytes.length === 0) return metadataError("the torrent is empty", cause)
  const start = decodeUtf8Lenient(bytes.subarray(0, 512)).trimStart()
  if (start.startsWith("<")) return metadataError("this is a web page, not a torrent", cause)
  if (start.startsWith("magnet:")) return metadataError("this is a magnet link, not a torrent", cause)
  return metadataError("this is not a torrent", cause)
}

function readOuterFields(torrent: BencodeDictionary): OuterFields {
  const date = torrent.integer("creation date")
  return {
    trackers: readTrackers(torrent),
    webSeeds: readWebSeeds(torrent.get("url-list")),
    comment: torrent.text("comment.utf-8") ?? torrent.text("comment") ?? null,
    createdBy: torrent.text("created by") ?? null,
    creationDate: date !== undefined && date >= 0 && date <= LAST_DATE ? date : null,
  }
}

/** BEP 12: `announce-list` makes `announce` void; but not when it holds no URL at all, as happens. */
function readTrackers(torrent: BencodeDictionary): string[][] {
  const seen = new Set<string>()
  const tiers: string[][] = []
  // A list of strings instead of lists occurs too: each is taken for a tier.
  for (const tier of torrent.list("announce-list") ?? []) {
    const urls = collectUrls(asList(tier) ?? [tier], seen)
    if (urls.length > 0) tiers.push(urls)
  }
  if (tiers.length > 0) return tiers
  const urls = collectUrls([torrent.get("announce")], seen)
  return urls.length > 0 ? [urls] : []
}

/** BEP 19: one URL or a list. Seeds on FTP servers, which old torrents name, are out of reach. */
function readWebSeeds(value: BencodeValue | undefined): string[] {
  return collectUrls(asList(value) ?? [value], new Set()).filter((url) => /^https?:\/\//i.test(url))
}

/** Those that are texts, not empty and not in `seen`, which they join. */
function collectUrls(values: readonly (BencodeValue | undefined)[], seen: Set<string>): string[] {
  const urls: string[] = []
  for (const value of values) {
    const url = asText(value)?.trim()
    if (url === undefined || url === "" || url.length > MAX_URL_LENGTH || CONTROL.test(url)) continue
    if (seen.has(url) || seen.size >= MAX_URLS) continue
    seen.add(url)
    urls.push(url)
  }
  return urls
}

/** A URL with these would write lines of its own into a request. Spaces occur in good ones. */
const CONTROL = /\p{Cc}/u
