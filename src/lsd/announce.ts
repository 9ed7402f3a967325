import { fromHex, toHex } from "../bytes/hex.js"
import { encodeUtf8, toLatin1 } from "../bytes/text.js"

/** Bytes of a datagram at most, so that none is cut into parts on its way (BEP 14). */
export const MAX_DATAGRAM = 1400

/** Longer datagrams are not looked at: an Ethernet packet has no room for them. */
const MAX_RECEIVED = 1500

const REQUEST = "BT-SEARCH * HTTP/1.1"
const REQUEST_LINE = /^BT-SEARCH \* HTTP\/1\.\d$/i
const END = "\r\n\r\n\r\n"

/** Who sends this is in these torrents, and listens at this port (BEP 14). */
export interface LsdAnnounce {
  readonly port: number
  /** 20 bytes each. */
  readonly infoHashes: readonly Uint8Array[]
  /** By which a sender knows its own messages: printable ASCII without spaces at the ends. */
  readonly cookie: string | undefined
}

/** `host` is the group's, as an URL has it. */
export function encodeAnnounce(host: string, { port, infoHashes, cookie }: LsdAnnounce): Uint8Array {
  const lines = [REQUEST, `Host: ${host}`, `Port: ${port}`]
  for (const infoHash of infoHashes) lines.push(`Infohash: ${toHex(infoHash).toUpperCase()}`)
  if (cookie !== undefined) lines.push(`cookie: ${cookie}`)
  return encodeUtf8(lines.join("\r\n") + END)
}

/** Infohashes for which there is room in a datagram. */
export function roomForHashes(host: string, cookie: string): number {
  const sizeWith = (count: number): number => {
    const infoHashes = Array.from({ length: count }, () => new Uint8Array(20))
    return encodeAnnounce(host, { port: 65535, infoHashes, cookie }).length
  }
  const empty = sizeWith(0)
  return Math.floor((MAX_DATAGRAM - empty) / (sizeWith(1) - empty))
}

/** Undefined: nothing that could be used. Headers that are not known are passed over, as are infohashes that are none. */
export function decodeAnnounce(datagram: Uint8Array): LsdAnnounce | undefined {
  if (datagram.length > MAX_RECEIVED) return undefined
  const [request = "", ...lines] = toLatin1(datagram).split("\r\n")
  if (!REQUEST_LINE.test(request)) return undefined
  let port: number | undefined
  let cookie: string | undefined
  const infoHashes: Uint8Array[] = []
  for (const line of lines) {
    if (line === "") break
    const colon = line.indexOf(":")
    const value = line.slice(colon + 1).trim()
    switch (line.slice(0, Math.max(colon, 0)).toLowerCase()) {
      case "port":
        port ??= portOf(value)
        break
      case "cookie":
        cookie ??= value
        break
      case "infohash": {
        const infoHash = fromHex(value)
        if (infoHash?.length === 20) infoHashes.push(infoHash)
        break
      }
      default:
    }
  }
  return port === undefined || infoHashes.length === 0 ? undefined : { port, infoHashes, cookie }
}

function portOf(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65535 ? port : undefined
}
