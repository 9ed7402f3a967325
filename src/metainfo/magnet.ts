import { fromHex } from "../bytes/hex.js"
import { decodePercents } from "../bytes/url.js"
import { AtError } from "../errors.js"
import { parseInfoHash } from "./info-hash.js"

/** What a magnet link says (BEP 9, BEP 53). At least one of the infohashes is there. */
export interface Magnet {
  /** 20 bytes; null when the link names a v2 torrent alone. */
  readonly infoHash: Uint8Array | null
  /** 32 bytes; null when the link names a v1 torrent alone. */
  readonly infoHashV2: Uint8Array | null
  /** For display until the metadata is there; from a stranger, not a safe path. */
  readonly name: string | null
  readonly trackers: readonly string[]
  /** http and https alone. */
  readonly webSeeds: readonly string[]
  /** Host names or addresses (IPv6 without brackets), with ports. */
  readonly peers: readonly { readonly host: string; readonly port: number }[]
  /** Ranges of file numbers to download, both ends included; null: all. */
  readonly selectOnly: readonly { readonly first: number; readonly last: number }[] | null
}

/** A link is typed or pasted: beyond this it is a mistake. */
const MAX_LENGTH = 1 << 20

/**
 * Reads a magnet link. Hints that are malformed or unknown (a peer without a port, a tracker that is empty) are left out, and
 * what is not encoded rightly stays as it is: many names are not in UTF-8. What decides which bytes the user gets (`xt`, `so`)
 * must be right.
 *
 * @throws AtError `AT_INVALID_INPUT`
 */
export function parseMagnet(link: string): Magnet {
  if (link.length > MAX_LENGTH) throw malformed("it is too long")
  const query = /^magnet:\?(.*)$/is.exec(link.trim())?.[1]
  if (query === undefined) throw malformed('it does not start with "magnet:?"')
  const parameters = query.split("&").map(readParameter)
  const all = (key: string): string[] =>
    parameters.flatMap(([name, value]) => (name === key && value !== "" ? [value] : []))
  const { infoHash, infoHashV2 } = readTopics(all("xt"))
  return {
    infoHash,
    infoHashV2,
    name: all("dn")[0] ?? null,
    trackers: [...new Set(all("tr"))],
    webSeeds: [...new Set(all("ws"))].filter((url) => /^https?:\/\//i.test(url)),
    peers: all("x.pe").flatMap(readPeer),
    selectOnly: readSelection(all("so")),
  }
}

/** `key=value` or `key.number=value`, which are equivalent. */
function readParameter(parameter: string): [key: string, value: string] {
  const equals = parameter.indexOf("=")
  if (equals < 0) return [parameter, ""]
  const key = parameter
    .slice(0, equals)
    .toLowerCase()
    .replace(/\.\d+$/, "")
  // Written as in a form by many sites: `+` is a space. In the other parameters it stands for itself.
  const value = key === "dn" ? parameter.slice(equals + 1).replaceAll("+", " ") : parameter.slice(equals + 1)
  return [key, decodePercents(value)]
}

function readTopics(topics: readonly string[]): Pick<Magnet, "infoHash" | "infoHashV2"> {
  let infoHash: Uint8Array | null = null
  let infoHashV2: Uint8Array | null = null
  for (const topic of topics) {
    const [, kind, digits] = /^urn:(btih|btmh):(.*)$/is.exec(topic) ?? []
    if (kind === undefined || digits === undefined) continue
    if (kind.toLowerCase() === "btih") infoHash = same(infoHash, readV1(digits))
    else infoHashV2 = same(infoHashV2, readV2(digits))
  }
  if (infoHash === null && infoHashV2 === null) throw malformed("it has no infohash (xt=urn:btih:…)")
  return { infoHash, infoHashV2 }
}

function readV1(digits: string): Uint8Array {
  const hash = parseInfoHash(digits)
  if (hash?.version !== 1) throw malformed("its infohash is neither 40 hexadecimal digits nor 32 of base32")
  return hash.bytes
}

/** A multihash: 0x12 for SHA-256, 0x20 for its 32 bytes, and the digest. */
function readV2(digits: string): Uint8Array {
  const bytes = fromHex(digits)
  if (bytes?.length !== 34 || bytes[0] !== 0x12 || bytes[1] !== 0x20) {
    throw malformed("its v2 infohash is not 1220 and 64 hexadecimal digits")
  }
  return bytes.subarray(2)
}

function same(before: Uint8Array | null, now: Uint8Array): Uint8Array {
  if (before?.some((byte, at) => byte !== now[at])) throw malformed("it names two datasets")
  return now
}

/** `host:port`, `address:port` or `[IPv6]:port`. */
function readPeer(text: string): { host: string; port: number }[] {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-f:.]{2,45})\]|([^\s:/[\]]{1,253})):(\d{1,5})$/i.exec(text) ?? []
  const host = bracketed ?? plain
  const port = Number(digits)
  return host !== undefined && port >= 1 && port <= 65535 ? [{ host, port }] : []
}

function readSelection(values: readonly string[]): Magnet["selectOnly"] {
  if (values.length === 0) return null
  return values
    .flatMap((value) => value.split(","))
    .map((range) => {
      const [, from, to] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(range) ?? []
      const first = Number(from)
      const last = Number(to ?? from)
      if (from === undefined || last < first)
        throw malformed("its selection (so=…) is not a list of file numbers and ranges")
      return { first, last }
    })
}

function malformed(reason: string): AtError {
  return new AtError("AT_INVALID_INPUT", `the magnet link is malformed: ${reason}`, {
    hint: "copy the whole link, and put it in quotes, because the shell gives & a meaning of its own",
  })
}
